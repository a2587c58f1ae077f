"""The compiled harness: made once per toolchain, kept in the user's cache folder, and used only if its digest fits."""

import contextlib
import hashlib
import os
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.io import write_cache_entry
from rustml.judge.rust.compiler import Compiler, Folders
from rustml.judge.rust.toolchain import Toolchain

SOURCES = Path(__file__).parent / "harness"
FLAGS = ("--edition=2021", "--crate-type=rlib", "--crate-name=harness", "-Copt-level=1", "-Cdebuginfo=0",
         "-Cembed-bitcode=no")  # fmt: skip


def cache_folder() -> Path:
    """`$XDG_CACHE_HOME/rustml/harness`, by default below `~/.cache`. No sandbox shows it to anything inside."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "rustml" / "harness"


def harness(compiler: Compiler, toolchain: Toolchain, folder: Path, cache: Path | None) -> Path:
    """The compiled harness crate, in `folder`: a copy from `cache`, or compiled now and kept there.

    Raises JudgeFault with the compiler's words where it does not compile.
    """
    folder.mkdir()
    library, key = folder / "libharness.rlib", _key(toolchain)
    cached = _load(cache, key) if cache is not None else None
    if cached is not None:
        library.write_bytes(cached)
        return library
    _compile(compiler, folder, library)
    if cache is not None:
        with contextlib.suppress(OSError):  # a full disk or a read-only home: it is compiled again next time
            _keep(cache, key, library.read_bytes())
    return library


def _compile(compiler: Compiler, folder: Path, library: Path) -> None:
    folders = Folders(SOURCES, folder / "output")
    folders.output.mkdir()
    result = compiler.link(folders, [*FLAGS, compiler.source(folders, "lib.rs")], seconds=120)
    if result.returncode != 0:
        raise JudgeFault(f"the judge's own harness does not compile: {result.stderr[-2000:].decode(errors='replace')}")
    (folders.output / library.name).replace(library)


def _key(toolchain: Toolchain) -> str:
    """What the compiled crate depends on: its source, its flags, and this very compiler."""
    compiled_by = toolchain.rustc.stat()
    parts = [toolchain.digest, str(toolchain.rustc), f"{compiled_by.st_size} {compiled_by.st_mtime_ns}", *FLAGS]
    digest = hashlib.sha256("\0".join(parts).encode())
    for path in sorted(SOURCES.glob("*.rs")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _load(folder: Path, key: str) -> bytes | None:
    """The kept crate, if it is there, ours alone to write, and whole: its name ends in the digest of its content."""
    try:
        status = folder.stat()
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
        for path in folder.glob(f"{key}-*.rlib"):
            content = path.read_bytes()
            if path.name == _name(key, content):
                return content
    except OSError:
        return None
    return None


def _keep(folder: Path, key: str, content: bytes) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_cache_entry(folder / _name(key, content), content)


def _name(key: str, content: bytes) -> str:
    return f"{key}-{hashlib.sha256(content).hexdigest()}.rlib"
