"""The Rust toolchain on this machine: which programs, which version, what their sandbox has to contain."""

import functools
import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import EnvironmentFault
from rustml.sandbox.shared_objects import shared_objects

INSTALL = "install Rust with `curl https://sh.rustup.rs | sh` and then run `rustup component add clippy`"

_DEFAULT_ON = re.compile(r"^\s+([a-z0-9-]+)  (?:warn|deny)\s", re.MULTILINE)


@dataclass(frozen=True)
class Toolchain:
    """Programs by absolute path. `rustc` and `clippy_driver` are the real ones, not rustup's proxies."""

    sysroot: Path
    rustc: Path
    clippy_driver: Path
    version: str
    """What `rustc -vV` and `clippy-driver --version` say."""
    default_lints: tuple[str, ...]
    """rustc's own lints that are on by default."""
    linker: Path
    """The linker that ships with the toolchain. It is called directly: its wrapper needs /proc."""
    start_files: tuple[Path, ...]
    """The C library's object files that a program starts and ends with."""
    library_folders: tuple[Path, ...]
    """Where the system's C libraries are linked from."""
    loader: Path
    """The system's dynamic loader."""

    @property
    def digest(self) -> str:
        """Identifies the toolchain in cache keys."""
        return hashlib.sha256(self.version.encode()).hexdigest()


@functools.cache
def find(name: str = "") -> Toolchain:
    """The toolchain that rustup knows by `name`, as in `1.95.0`; by default the one that `rustc` on PATH belongs to.

    Raises EnvironmentFault, with the command that installs what is missing.
    """
    for program in ("cargo", "rustc", "cc"):
        if shutil.which(program) is None:
            how = INSTALL if program != "cc" else "install a C linker with `apt-get install gcc libc6-dev`"
            raise EnvironmentFault(f"`{program}` is not on PATH: {how}")
    sysroot = _pinned(name) if name else Path(_ask(["rustc", "--print", "sysroot"]).strip())
    rustc, clippy = sysroot / "bin" / "rustc", sysroot / "bin" / "clippy-driver"
    if not clippy.exists():
        named = f" --toolchain {name}" if name else ""
        raise EnvironmentFault(f"no clippy-driver in {sysroot / 'bin'}: run `rustup component add clippy{named}`")
    version = _ask([str(rustc), "-vV"]) + _ask([str(clippy), "--version"])
    lints = [name for name in _DEFAULT_ON.findall(_ask([str(rustc), "-W", "help"])) if name != "warnings"]
    return Toolchain(
        sysroot=sysroot,
        rustc=rustc,
        clippy_driver=clippy,
        version=version,
        default_lints=tuple(name.replace("-", "_") for name in lints),
        linker=_linker(sysroot, version),
        start_files=tuple(_from_cc(f"-print-file-name={name}") for name in ("Scrt1.o", "crti.o", "crtn.o")),
        library_folders=(_from_cc("-print-file-name=libc.so").parent, _from_cc("-print-libgcc-file-name").parent),
        loader=next(path for path in shared_objects(rustc) if path.name.startswith("ld-")),
    )


def _pinned(name: str) -> Path:
    """The folder of a toolchain that rustup has installed; rustup is not asked to install it."""
    how = f"run `rustup toolchain install {name} --profile minimal --component clippy`"
    if shutil.which("rustup") is None:
        raise EnvironmentFault(
            f"toolchain {name} needs rustup, which is not on PATH: install it from https://rustup.rs and {how}"
        )
    command = ["rustup", "which", "--toolchain", name, "rustc"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise EnvironmentFault(f"toolchain {name} is not installed: {how}")
    return Path(done.stdout.strip()).parents[1]


def _linker(sysroot: Path, version: str) -> Path:
    host = next(line.removeprefix("host: ") for line in version.splitlines() if line.startswith("host: "))
    linker = sysroot / "lib" / "rustlib" / host / "bin" / "rust-lld"
    if not linker.exists():
        raise EnvironmentFault(f"this toolchain ships no linker ({linker} is missing): {INSTALL}")
    return linker


def _from_cc(question: str) -> Path:
    answer = Path(_ask(["cc", question]).strip())
    if not answer.is_absolute():
        raise EnvironmentFault(f"`cc {question}` finds nothing: install the C library with `apt-get install libc6-dev`")
    return Path(os.path.normpath(answer))


def _ask(argv: list[str]) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ)).stdout
    except (OSError, subprocess.SubprocessError) as error:
        text = getattr(error, "stderr", None) or str(error)
        raise EnvironmentFault(f"`{' '.join(argv)}` failed: {text.strip()}; {INSTALL}") from error


def system_libraries(toolchain: Toolchain) -> tuple[Path, ...]:
    """The system's libraries that the compiler needs; a program that uses only std needs no others."""
    libraries = shared_objects(toolchain.rustc, toolchain.clippy_driver)
    return tuple(sorted(path for path in libraries if not path.resolve().is_relative_to(toolchain.sysroot)))
