"""Compile a crate again as cargo did, with other files in it."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rustml.judge.in_crate.cargo_build import linking
from rustml.judge.in_crate.crate_sandbox import RUST, WORK, CrateSandbox
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.rust import diagnostics
from rustml.judge.rust.compiler import POLICY_LINTS, clippy_configuration
from rustml.judge.rust.diagnostics import Message
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.processes import Completed

Goal = Literal["check", "library", "test"]
"""`check`: metadata and lints; `library`: something to link with; `test`: a test program."""
EMIT: Mapping[Goal, str] = {"check": "metadata", "library": "link", "test": "link"}
ALSO_FORBIDDEN = ("std::io::stdout", "std::io::stderr", "std::thread::Builder::spawn_unchecked")
"""A test's record is a line on standard output: code that holds the stream could write one."""
REPLACED = frozenset({"--out-dir", "--emit", "--error-format", "--json", "--cap-lints", "--diagnostic-width"})
OURS = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "RUSTC", "RUSTC_WRAPPER", "PWD", "OLDPWD", "_", "SHLVL"})
OUTPUT = "/o"
LIBRARY = "libcandidate.rlib"
SOURCE = "examples.rs"
"""Of a test program outside the library."""
NO_FILES: Mapping[str, bytes] = MappingProxyType({})


@dataclass(frozen=True)
class Compiled:
    """What a compilation gave."""

    ok: bool
    expired: bool
    messages: tuple[Message, ...]
    crashed: bool
    """The compiler ended by a signal or an internal error."""

    def within(self, path: str, start: int, end: int) -> list[Message]:
        """What points into these bytes of a file."""
        return [message for message in self.messages if message.inside(path, start, end)]

    def lints(self, path: str, start: int, end: int) -> frozenset[str]:
        """The codes of what points into these bytes of a file."""
        return frozenset(message.code for message in self.within(path, start, end)) - {""}

    def errors(self, path: str = "", start: int = 0, end: int = 0) -> list[Message]:
        """The errors that point into these bytes of a file; all errors where none is named."""
        messages = self.within(path, start, end) if path else self.messages
        return [message for message in messages if message.is_error]


class Recompiler:
    """Compiles a prepared crate with some of its files replaced. Every call has an output folder of its own."""

    def __init__(self, sandbox: CrateSandbox, crate: PreparedCrate, more_lints: Sequence[str] = ()) -> None:
        """`more_lints` are raised beside those that are on by default."""
        self._sandbox, self._crate = sandbox, crate
        self.expired = False
        """Whether a call met its time limit: what follows from that may be the machine's doing."""
        lints = ("clippy::all", *sandbox.tools.default_lints, *more_lints)
        self._lints = [f"--force-warn={lint}" for lint in lints]
        self._lints += [f"--force-warn={lint}" for lint in POLICY_LINTS if lint.startswith("clippy::")]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An output folder, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="rustml-in-crate-") as folder:
            out = Path(folder) / "out"
            out.mkdir()
            (out / "clippy.toml").write_text(clippy_configuration(ALSO_FORBIDDEN))
            yield out

    def root(self, out: Path) -> str:
        """How a call with replaced files and the output folder `out` calls the crate's folder."""
        return self._sandbox.path(out.with_name("crate"), WORK)

    def compile(self, call: Invocation, files: Mapping[str, bytes], goal: Goal, out: Path) -> Compiled:
        """Compile for a goal; `files` maps paths inside the crate to their content."""
        output = self._sandbox.path(out, OUTPUT)
        arguments = [*_without_outputs(call.arguments), f"--emit={EMIT[goal]}", f"--out-dir={output}"]
        arguments += ["--error-format=json"]
        if goal == "check":
            arguments += ["--cap-lints=warn", *self._lints]
        else:
            arguments += ["--cap-lints=allow"]
        made = {"library": LIBRARY, "test": "tests"}.get(goal)
        arguments += ["-o", f"{output}/{made}"] if made else []
        program = "clippy-driver" if goal == "check" else "rustc"
        return self._call([program, *arguments], call.environment, files, out)

    def link(self, call: Invocation, out: Path, files: Mapping[str, bytes] = NO_FILES) -> Compiled:
        """Compile the test program SOURCE in `out` that uses the library there; `files` are replaced in the crate."""
        options = [word for word in call.arguments if word.startswith("--edition")]
        pairs = zip(call.arguments, call.arguments[1:], strict=False)
        options += [
            word for option, value in pairs if option in ("-L", "--extern", "--cfg") for word in (option, value)
        ]
        output = self._sandbox.path(out, OUTPUT)
        words = ["--test", "--crate-name=examples", f"--extern={call.crate}={output}/{LIBRARY}"]
        words += [*linking(self._sandbox), *options]
        arguments = [*words, "--error-format=json", "-o", f"{output}/tests", f"{output}/{SOURCE}"]
        return self._call(["rustc", *arguments], call.environment, files, out)

    def _call(
        self, words: Sequence[str], environment: Mapping[str, str], files: Mapping[str, bytes], out: Path
    ) -> Compiled:
        replaced = self._replaced(files, out) if self._sandbox.renames else self._linked(files, out)
        mounts = Mounts(read={**self._crate.mounts, **replaced}, write={out: OUTPUT}, work=WORK)
        output = self._sandbox.path(out, OUTPUT)
        variables = {name: text for name, text in environment.items() if name not in OURS}
        variables |= {"TMPDIR": output, "CLIPPY_CONF_DIR": output}
        cpu, sysroot = self._sandbox.limits.compile_seconds, self._sandbox.path(self._sandbox.tools.sysroot, RUST)
        result = self._sandbox.compile([*words, f"--sysroot={sysroot}"], mounts, variables, cpu=cpu)
        self.expired |= result.expired
        return _read(result)

    def _replaced(self, files: Mapping[str, bytes], out: Path) -> dict[Path, str]:
        """The mounts that put files in the place of the crate's."""
        replaced: dict[Path, str] = {}
        for number, (path, content) in enumerate(files.items()):
            replacement = out / f"file-{number}"
            replacement.write_bytes(content)
            replaced[replacement] = f"{WORK}/{path}"
        return replaced

    def _linked(self, files: Mapping[str, bytes], out: Path) -> dict[Path, str]:
        """The mount of a copy of the crate's folder for this call: links to its files, and the files in their place."""
        if not files:
            return {}
        copy, sources = out.with_name("crate"), self._crate.sources
        shutil.rmtree(copy, ignore_errors=True)
        for parent, folders, names in os.walk(sources):
            inside = copy / Path(parent).relative_to(sources)
            inside.mkdir()
            links = [name for name in folders if (Path(parent) / name).is_symlink()]
            for name in (*names, *links):
                (inside / name).symlink_to(Path(parent) / name)
        for path, content in files.items():
            for folder in reversed((copy / path).relative_to(copy).parents):
                _own(copy / folder)
            (copy / path).unlink(missing_ok=True)
            (copy / path).write_bytes(content)
        return {copy: WORK}


def _own(folder: Path) -> None:
    """Of a link to a folder, make a folder of links: what is written there must not reach the other one."""
    if folder.is_symlink():
        target = folder.resolve()
        folder.unlink()
        folder.mkdir()
        for entry in target.iterdir():
            (folder / entry.name).symlink_to(entry)


def _without_outputs(arguments: Sequence[str]) -> Iterator[str]:
    """cargo's arguments without those that say where to and how to report."""
    words = iter(arguments)
    for word in words:
        option, equals, _ = word.partition("=")
        if option in REPLACED:
            if not equals:
                next(words)
        elif word == "-C":
            value = next(words)
            if not value.startswith(("extra-filename", "incremental")):
                yield from (word, value)
        else:
            yield word


def _read(result: Completed) -> Compiled:
    messages = tuple(diagnostics.read_by_path(result.stderr, WORK))
    crashed = result.returncode not in (0, 1) and not result.expired
    return Compiled(result.returncode == 0 and not result.flooded, result.expired, messages, crashed)
