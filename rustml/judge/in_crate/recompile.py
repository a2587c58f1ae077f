"""Compile a crate again as cargo did, with other files in it."""

import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rustml.judge.in_crate.crate_sandbox import Confinement, Room
from rustml.judge.in_crate.prepared_crate import Invocation, Workshop, linking
from rustml.judge.rust.compiler import FORBIDDEN_MACROS, FORBIDDEN_METHODS, POLICY_LINTS
from rustml.sandbox.processes import Completed

Goal = Literal["check", "library", "test"]
"""`check`: metadata and lints; `library`: something to link with; `test`: a test program."""
EMIT: Mapping[Goal, str] = {"check": "metadata", "library": "link", "test": "link"}
ALSO_FORBIDDEN = ("std::io::stdout", "std::io::stderr", "std::thread::Builder::spawn_unchecked")
"""A test's record is a line on standard output: whoever holds the stream could write one."""
REPLACED = frozenset({"--out-dir", "--emit", "--error-format", "--json", "--cap-lints", "--diagnostic-width"})
OURS = frozenset({"PATH", "HOME", "LD_LIBRARY_PATH", "TMPDIR", "RUSTC", "RUSTC_WRAPPER", "PWD", "OLDPWD", "_", "SHLVL"})
LIBRARY = "/o/libcandidate.rlib"


@dataclass(frozen=True)
class Note:
    """One diagnostic of the compiler, with where its primary span lies."""

    level: str
    code: str
    text: str
    file: str
    start: int
    end: int

    def inside(self, file: str, start: int, end: int) -> bool:
        """Whether it points into these bytes of a file."""
        return self.file == file and self.start < end and self.end > start


@dataclass(frozen=True)
class Compiled:
    """What a compilation gave."""

    ok: bool
    expired: bool
    notes: tuple[Note, ...]
    crashed: bool
    """The compiler ended by a signal or an internal error."""


class Compiler:
    """Compiles a workshop's crate with some of its files replaced. Every call has an output folder of its own."""

    def __init__(self, confinement: Confinement, workshop: Workshop) -> None:
        self._confinement, self._workshop = confinement, workshop
        self._lints = [f"--force-warn={lint}" for lint in ("clippy::all", *confinement.tools.default_lints)]
        self._lints += [f"--force-warn={lint}" for lint in POLICY_LINTS if lint.startswith("clippy::")]

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """An output folder, gone afterwards."""
        with tempfile.TemporaryDirectory(prefix="rustml-inplace-") as place:
            (Path(place) / "clippy.toml").write_text(clippy_configuration())
            yield Path(place)

    def compile(self, call: Invocation, files: Mapping[str, bytes], goal: Goal, out: Path) -> Compiled:
        """Compile for a goal; `files` maps paths inside the crate to their content."""
        arguments = [*_kept(call.arguments), f"--emit={EMIT[goal]}", "--out-dir=/o", "--error-format=json"]
        if goal == "check":
            arguments += ["--cap-lints=warn", *self._lints]
        else:
            arguments += ["--cap-lints=allow"]
        arguments += ["-o", LIBRARY] if goal == "library" else ["-o", "/o/tests"] if goal == "test" else []
        program = "clippy-driver" if goal == "check" else "rustc"
        return self._call([program, *arguments], call.environment, files, out)

    def link(self, source: Path, call: Invocation, out: Path) -> Compiled:
        """Compile a test program `source` in `out` that uses the library there."""
        kept = [word for word in call.arguments if word.startswith("--edition")]
        pairs = zip(call.arguments, call.arguments[1:], strict=False)
        kept += [word for option, value in pairs if option in ("-L", "--extern") for word in (option, value)]
        words = ["--test", "--crate-name=examples", f"--extern={call.crate}={LIBRARY}", *linking(), *kept]
        arguments = [*words, "--error-format=json", "-o", "/o/tests", f"/o/{source.name}"]
        return self._call(["rustc", *arguments], call.environment, {}, out)

    def _call(
        self, words: Sequence[str], environment: Mapping[str, str], files: Mapping[str, bytes], out: Path
    ) -> Compiled:
        replaced: dict[Path, str] = {}
        for number, (path, content) in enumerate(files.items()):
            place = out / f"file-{number}"
            place.write_bytes(content)
            replaced[place] = f"/crate/{path}"
        room = Room(read={**self._workshop.room, **replaced}, write={out: "/o"})
        variables = {name: text for name, text in environment.items() if name not in OURS}
        variables |= {"TMPDIR": "/o", "CLIPPY_CONF_DIR": "/o"}
        cpu = self._confinement.limits.compile_seconds
        done = self._confinement.compile([*words, "--sysroot=/rust"], room, variables, cpu=cpu)
        return _read(done)


def clippy_configuration() -> str:
    """The clippy.toml of a candidate's compilation: the means that it may not use."""
    methods = ", ".join(f'"{path}"' for path in (*FORBIDDEN_METHODS, *ALSO_FORBIDDEN))
    macros = ", ".join(f'"{path}"' for path in FORBIDDEN_MACROS)
    return f"disallowed-methods = [{methods}]\ndisallowed-macros = [{macros}]\n"


def _kept(arguments: Sequence[str]) -> Iterator[str]:
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


def _read(done: Completed) -> Compiled:
    notes = tuple(_notes(done.stderr))
    crashed = done.returncode not in (0, 1) and not done.expired
    return Compiled(done.returncode == 0 and not done.flooded, done.expired, notes, crashed)


def _notes(stderr: bytes) -> Iterator[Note]:
    for line in stderr.splitlines():
        try:
            record: Any = json.loads(line) if line.startswith(b"{") else None
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict) and "level" in record and not record["message"].startswith("aborting due to"):
            span = next((span for span in record.get("spans", ()) if span.get("is_primary")), None)
            yield _note(record, _outermost(span) if span else {})


def _outermost(span: dict[str, Any]) -> dict[str, Any]:
    """Where in the source a macro was called that a message is about."""
    while (span.get("expansion") or {}).get("span"):
        span = span["expansion"]["span"]
    return span


def _note(record: dict[str, Any], span: dict[str, Any]) -> Note:
    file = os.path.normpath(span["file_name"]) if span else ""
    code = (record.get("code") or {}).get("code", "")
    return Note(
        record["level"], code, record["message"], file.removeprefix("/crate/"),
        span.get("byte_start", 0), span.get("byte_end", 0),
    )  # fmt: skip
