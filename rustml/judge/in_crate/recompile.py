"""Compile a crate again as cargo did, with other files in it."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.prepared_crate import PreparedCrate, linking
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
LIBRARY = "/o/libcandidate.rlib"
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
        lints = ("clippy::all", *sandbox.tools.default_lints, *more_lints)
        self._lints = [f"--force-warn={lint}" for lint in lints]
        self._lints += [f"--force-warn={lint}" for lint in POLICY_LINTS if lint.startswith("clippy::")]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An output folder, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="rustml-in-crate-") as folder:
            (Path(folder) / "clippy.toml").write_text(clippy_configuration(ALSO_FORBIDDEN))
            yield Path(folder)

    def compile(self, call: Invocation, files: Mapping[str, bytes], goal: Goal, out: Path) -> Compiled:
        """Compile for a goal; `files` maps paths inside the crate to their content."""
        arguments = [*_without_outputs(call.arguments), f"--emit={EMIT[goal]}", "--out-dir=/o", "--error-format=json"]
        if goal == "check":
            arguments += ["--cap-lints=warn", *self._lints]
        else:
            arguments += ["--cap-lints=allow"]
        arguments += ["-o", LIBRARY] if goal == "library" else ["-o", "/o/tests"] if goal == "test" else []
        program = "clippy-driver" if goal == "check" else "rustc"
        return self._call([program, *arguments], call.environment, files, out)

    def link(self, call: Invocation, out: Path, files: Mapping[str, bytes] = NO_FILES) -> Compiled:
        """Compile the test program SOURCE in `out` that uses the library there; `files` are replaced in the crate."""
        options = [word for word in call.arguments if word.startswith("--edition")]
        pairs = zip(call.arguments, call.arguments[1:], strict=False)
        options += [
            word for option, value in pairs if option in ("-L", "--extern", "--cfg") for word in (option, value)
        ]
        words = ["--test", "--crate-name=examples", f"--extern={call.crate}={LIBRARY}", *linking(), *options]
        arguments = [*words, "--error-format=json", "-o", "/o/tests", f"/o/{SOURCE}"]
        return self._call(["rustc", *arguments], call.environment, files, out)

    def _call(
        self, words: Sequence[str], environment: Mapping[str, str], files: Mapping[str, bytes], out: Path
    ) -> Compiled:
        replaced: dict[Path, str] = {}
        for number, (path, content) in enumerate(files.items()):
            replacement = out / f"file-{number}"
            replacement.write_bytes(content)
            replaced[replacement] = f"/crate/{path}"
        mounts = Mounts(read={**self._crate.mounts, **replaced}, write={out: "/o"})
        variables = {name: text for name, text in environment.items() if name not in OURS}
        variables |= {"TMPDIR": "/o", "CLIPPY_CONF_DIR": "/o"}
        cpu = self._sandbox.limits.compile_seconds
        result = self._sandbox.compile([*words, "--sysroot=/rust"], mounts, variables, cpu=cpu)
        return _read(result)


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
    messages = tuple(diagnostics.read_by_path(result.stderr, "/crate"))
    crashed = result.returncode not in (0, 1) and not result.expired
    return Compiled(result.returncode == 0 and not result.flooded, result.expired, messages, crashed)
