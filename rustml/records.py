"""The frozen records that cross a package border, and how they are read and written.

Records are `msgspec` structs: decoding validates every field and refuses unknown ones. Files hold one record per line.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from rustml.covering_tests import CoveringTests
from rustml.errors import InputError
from rustml.io import atomic_write

Language = Literal["rust", "python"]
Policy = Literal["strict", "unsafe"]
"""What a candidate may use: `unsafe` allows unsafe code, for which a verdict says `integrity: weak`."""
Status = Literal[
    "passed",  # every expected test left its record of success
    "wrong",  # at least one test failed
    "incomplete",  # a test left no record: the process ended, or was ended, before it
    "compile_error",
    "compile_timeout",
    "run_timeout",
    "out_of_memory",
    "crashed",  # a signal: stack overflow, abort, segmentation fault
    "policy",  # forbidden means: unsafe, inline assembly, process exit, a look at the machine
    "format",  # the answer holds no complete code block with the entry point
    "untested",  # it compiles, and there are no tests
    "infrastructure",  # the judge's own fault; says nothing about the candidate
]


class Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all records: frozen, keyword-only, unknown fields refused."""


class Origin(Record, frozen=True, omit_defaults=True):
    """Where a text comes from and under which licence: the legal basis of a training record."""

    kind: str
    """`crate`, `dataset`, `git`, `family` or `bank`; a new kind of source chooses its own word."""
    name: str
    """Crate, dataset, repository, family or bank."""
    licence: str
    """The SPDX expression as it was declared."""
    version: str = ""
    path: str = ""
    """Path inside the archive, repository or dataset."""
    url: str = ""
    registry: str = ""
    sha256: str = ""
    """Of the file's bytes."""
    archive_sha256: str = ""

    @property
    def label(self) -> str:
        """How the file is named in reports: source, version, path."""
        version = f"-{self.version}" if self.version else ""
        return f"{self.name}{version}/{self.path}"


SOURCE_FILES = "files.jsonl"
"""Name of the file of SourceFile records in each shard of `harvest` and `curate`."""


class SourceFile(Record, frozen=True, omit_defaults=True):
    """One source file that came through the licence gate."""

    origin: Origin
    text: str
    weight: float = 1.0
    """How much likelier than another file it is drawn, where a part of the corpus is drawn."""


class Pair(Record, frozen=True, omit_defaults=True):
    """One training record: a question and its answer, or raw text where `instruction` is empty."""

    id: str
    task: str
    """A name of `rustml.tasks.TASKS`, `raw`, or `anchor_` or `domain_` and the name of a pool."""
    instruction: str
    answer: str
    origin: Origin
    language: str = "rust"
    context: str = ""
    """What stands around the answer in its file, such as the `impl` header."""
    span: tuple[int, int] = (0, 0)
    """Byte offsets in its file of the function whose place the answer takes: from visibility or `fn` to its end."""
    tested: tuple[int, int] = (0, 0)
    """The same of the function that the answer tests, where the answer is a test."""
    weight: float = 1.0
    """Its file's: how much likelier than another record it is drawn, where some are drawn."""
    earlier: tuple[tuple[str, str], ...] = ()
    """Turns before the question, each with its answer; no loss falls on them."""
    given: str = ""
    """The code in the question that makes a whole function of the answer, for a task whose answer is a part of one."""


class Edit(Record, frozen=True, omit_defaults=True):
    """A function before and after a change that the compiler, clippy or the tests of its crate have checked."""

    id: str
    task: str
    """A name of `rustml.tasks.EDIT_TASKS`."""
    origin: Origin
    """The file that holds one of the two: the other is what the change, or a mutation, made of it."""
    span: tuple[int, int]
    """Byte offsets of the function in that file: from visibility or `fn` to its end."""
    before: str
    after: str
    context: str = ""
    """Header of the `impl` or `trait` around it."""
    notes: tuple[str, ...] = ()
    """What compiler or clippy say about `before`, or the message of the commit."""
    codes: tuple[str, ...] = ()
    """The lints or error codes of the notes; the mutation, where one was made."""
    weight: float = 1.0
    """Of its file."""


class Dependency(Record, frozen=True, omit_defaults=True):
    """A crate that a problem's code may use, as a manifest of Cargo names it."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}\Z")]
    version: str
    """Cargo's version requirement, such as `1.0` or `=0.8.5`."""
    features: tuple[str, ...] = ()
    default_features: bool = True
    package: str = ""
    """The package's own name, where `name` renames it."""


class Problem(Record, frozen=True, omit_defaults=True):
    """A verifiable task of a bank."""

    id: str
    bank: str
    split: Literal["train", "dev", "test"]
    language: Language
    instruction: str
    """What the model is asked, in plain words and signature."""
    entry_point: str
    """The function that the tests call."""
    reference: str
    """A solution that the judge passes."""
    tests: str
    """Rust: `#[test]` functions or one `#[cfg(test)] mod`. Python: `test_*` functions or plain asserts."""
    licence: str
    trainable: bool = True
    """False where the licence or the protocol forbids training on it."""
    signature: str = ""
    """The declaration on whose types the tests rely."""
    prelude: str = ""
    """Imports that the problem supplies."""
    broken: str = ""
    """Code that the instruction shows and asks to be corrected."""
    given: str = ""
    """Code that stands before an answer: what a function needs that an answer does not write."""
    edition: str = "2021"
    policy: Policy = "strict"
    pinned: bool = True
    """False where an answer may change the declared signature, so that numbers can be compared with the upstream's."""
    dependencies: tuple[Dependency, ...] = ()
    """Crates that reference, tests and answers may use."""
    tags: dict[str, str] = {}
    """Family, slots, difficulty: what groups problems in a report."""
    origin: Origin | None = None
    """The file that a mined problem comes from."""
    span: tuple[int, int] = (0, 0)
    """Byte offsets in that file of the function: from visibility or `fn` to its end."""
    covering: CoveringTests | None = None
    """Set where it is judged in its crate, in the place of that function; `tests` and `given` are empty then."""

    @property
    def answer_name(self) -> str:
        """The item that an answer has to define: a method, where its type is given or in its crate."""
        return self.entry_point.rpartition("::")[2] if self.given or self.covering else self.entry_point


class Candidate(Record, frozen=True, omit_defaults=True):
    """Code to be judged. Treat it as hostile."""

    id: str
    code: str
    tests: str
    """Empty for Rust that is compiled and linted alone; nothing of it is run then, and any means are allowed."""
    entry_point: str
    signature: str = ""
    prelude: str = ""
    edition: str = "2021"
    language: Language = "rust"
    policy: Policy = "strict"
    pinned: bool = True
    """False where the tests call what the candidate declares, of any signature, as the problem's upstream lets them."""
    dependencies: tuple[Dependency, ...] = ()
    explained: bool = False
    """Whether the verdict shall hold what compiler and tests say (`output`), for Rust."""
    covering: CoveringTests | None = None
    """Set where the code takes the place of the function at `span` of the file `origin` of a crate."""
    origin: Origin | None = None
    span: tuple[int, int] = (0, 0)

    @property
    def untested(self) -> bool:
        """Whether it is compiled and linted alone."""
        return self.language == "rust" and not self.tests.strip() and self.covering is None


def candidate_of(problem: Problem, code: str, name: str) -> Candidate:
    """What the judge is asked about `code` as an answer to `problem`: the tests are the problem's alone."""
    return Candidate(
        id=name,
        code=f"{problem.given}\n{code}" if problem.given else code,
        tests=problem.tests,
        entry_point=problem.entry_point,
        signature=problem.signature,
        prelude=problem.prelude,
        edition=problem.edition,
        language=problem.language,
        policy=problem.policy,
        pinned=problem.pinned,
        dependencies=problem.dependencies,
        covering=problem.covering,
        origin=problem.origin if problem.covering else None,
        span=problem.span if problem.covering else (0, 0),
    )


class Diagnostic(Record, frozen=True):
    """The first message of one rustc error code. `code` is empty where rustc gives none (syntax errors)."""

    code: str
    message: str


class Verdict(Record, frozen=True):
    """What the judge found. Field by field documented in docs/judge.md; the form is stable."""

    id: str
    status: Status
    compiles: bool | None
    """None where compilation was not decided (`format`, `infrastructure`, `policy` found before compiling)."""
    tests_passed: int
    tests_expected: int
    clippy_clean: bool | None
    """None where the candidate did not compile, or lints were not asked for."""
    lints: tuple[str, ...]
    errors: tuple[Diagnostic, ...]
    seconds: dict[str, float]
    """Wall seconds by phase: `compile`, `lint`, `run`. Of a shared compilation, the candidate's share."""
    sandbox: str
    """What held: for example `bubblewrap+rlimits`, or `none`."""
    detail: str = ""
    """One line for a human, free of paths and of test source."""
    transient: bool | msgspec.UnsetType = msgspec.UNSET
    """True where the load of the machine may have decided the status. Left out of files where it did not."""
    lint_counts: dict[str, int] | msgspec.UnsetType = msgspec.UNSET
    """How often each of `lints` was raised. Left out of files where there are none."""
    integrity: Literal["weak"] | msgspec.UnsetType = msgspec.UNSET
    """`weak` where the candidate could reach the memory that the verdict rests on: the problem's policy is `unsafe`."""
    output: str | msgspec.UnsetType = msgspec.UNSET
    """What compiler or tests say of a candidate that asked for it and failed: for who repairs the code, no reward."""


R = TypeVar("R", bound=msgspec.Struct)


def read_jsonl(path: Path, kind: type[R]) -> Iterator[R]:
    """Yield the records of a JSON Lines file.

    Raises InputError with file, line number and the offending field when a line is not such a record.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.isspace():
                    yield _decode_line(decoder, line, path, number)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def _decode_line(decoder: "msgspec.json.Decoder[R]", line: bytes, path: Path, number: int) -> R:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}, line {number}: {error}") from error


def write_jsonl(path: Path, records: Iterable[msgspec.Struct]) -> int:
    """Write records to `path` and return how many; a crash leaves no file under that name."""
    encoder = msgspec.json.Encoder()
    count = 0
    with atomic_write(path) as out:
        for record in records:
            out.write(encoder.encode(record) + b"\n")
            count += 1
    return count
