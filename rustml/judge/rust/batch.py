"""Judge a batch: one library of candidates, one program of tests, one pass of lints, one process per candidate."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from msgspec import UNSET

from rustml.errors import JudgeFault
from rustml.judge.case_report import CaseReport
from rustml.judge.rust import diagnostics, failures
from rustml.judge.rust.compiler import POLICY_LINTS, Compiler, Folders
from rustml.judge.rust.crate_layout import Member, fresh_name, write_library, write_root
from rustml.judge.rust.diagnostics import Message
from rustml.judge.rust.externs import Externs
from rustml.judge.rust.failures import Failure
from rustml.judge.rust.lints import Linter, LintOutcome
from rustml.judge.rust.program import Program
from rustml.judge.rust.test_runner import CaseRunner
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.records import Dependency, Diagnostic, Verdict
from rustml.sandbox.processes import Completed

COMPANY = frozenset({"E0034", "E0119", "E0275", "E0282", "E0283", "E0284", "E0391"})
"""Errors that an implementation in another candidate's code can bring about."""
SHOWN_TESTS = 3
"""Tests whose source stands in a verdict's output."""


class WholeBatchFailed(Exception):
    """The compiler failed without saying whose fault it was: the batch has to be judged in parts."""


@dataclass
class MemberState:
    """What is known so far about one member."""

    failure: Failure | None = None
    report: CaseReport = field(default_factory=CaseReport)
    lints: Mapping[str, int] | None = None
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Tools:
    """What a batch is judged with."""

    compiler: Compiler
    runner: CaseRunner
    linter: Linter
    lints: bool
    """Whether lints are counted."""
    harness: Path
    """The compiled harness crate."""
    work: Path
    """Where to make temporary folders."""
    helpers: Executor
    """Runs the lints beside the tests' compilation."""
    sandbox: str
    crates: Mapping[tuple[Dependency, ...], Externs] = field(default_factory=dict)
    """The compiled crates of each set that candidates name."""

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """A temporary folder. Raises JudgeFault where its disk is full or gone."""
        try:
            with tempfile.TemporaryDirectory(dir=self.work) as folder:
                yield Path(folder)
        except OSError as error:
            raise JudgeFault(f"the judge's working folder failed: {error.strerror}") from error


class Batch:
    """The judgement of members that share an edition and a set of crates."""

    def __init__(self, members: Sequence[Member], tools: Tools) -> None:
        self._members, self._tools = tuple(members), tools
        self._states = {member: MemberState() for member in members}
        self._library = fresh_name("c")
        self._externs = tools.crates.get(members[0].candidate.dependencies)
        self._pinned: dict[Member, range] = {}

    def verdicts(self) -> dict[Member, Verdict]:
        """One verdict per member. Raises JudgeFault when the judge failed, WholeBatchFailed when it has to be split."""
        with self._tools.folder() as folder:
            self._judge(folder)
        return {member: self._verdict(member) for member in self._members}

    def doubtful(self, member: Member) -> bool:
        """Whether the company that a member was judged in may have decided how it failed."""
        state = self._states[member]
        codes = {error.code for error in state.failure.errors} if state.failure is not None else frozenset[str]()
        ended = state.report.starved or state.report.end == "signal:9"
        return len(self._members) > 1 and bool(ended or codes & COMPANY)

    def _judge(self, folder: Path) -> None:
        alive = self._shared("compile", self._members, lambda: self._compile_library(folder))
        linting = self._start_lints(folder, alive)
        try:
            alive = self._shared("compile", alive, lambda: self._compile_tests(folder, alive))
            self._run(folder, alive)
        finally:
            lints = linting.result() if linting is not None else {}
        for member, outcome in lints.items():
            state = self._states[member]
            if isinstance(outcome, Failure):
                state.failure = state.failure or outcome
            elif self._tools.lints:
                state.lints = outcome

    def _shared(
        self, phase: str, members: Sequence[Member], work: Callable[[], tuple[Member, ...]]
    ) -> tuple[Member, ...]:
        """Do a phase for several members, and charge each its share of the time."""
        started = time.monotonic()
        survivors = work()
        for member in members:
            seconds = self._states[member].seconds
            seconds[phase] = seconds.get(phase, 0.0) + (time.monotonic() - started) / len(members)
        return survivors

    def _start_lints(self, folder: Path, alive: tuple[Member, ...]) -> "Future[dict[Member, LintOutcome]] | None":
        """Compile as the candidates wrote it what lints are asked of, and what made public may hide an error."""
        members = tuple(member for member in alive if self._tools.lints or member.source.relies_on_privacy)
        if not members:
            return None

        def lint() -> dict[Member, LintOutcome]:
            names: dict[Member, LintOutcome] = {}

            def work() -> tuple[Member, ...]:
                names.update(self._tools.linter.lint(folder / "lint", members, self._externs))
                return members

            self._shared("lint", members, work)
            return names

        return self._tools.helpers.submit(lint)

    def _compile_library(self, folder: Path) -> tuple[Member, ...]:
        folders = Folders(folder / "library", _made(folder / "compiled"), externs=self._externs)
        write_library(folders.sources, self._members, published=True)
        alive = self._members
        while alive:
            write_root(folders.sources, alive)
            result = self._tools.compiler.library(folders, self._library, alive)
            messages = diagnostics.read(result.stderr, frozenset(member.file for member in alive))
            if result.returncode == 0 and not result.expired and not result.flooded:
                return self._refuse(alive, messages)
            alive = self._drop(alive, result, messages, {member.file: member for member in alive})
        return ()

    def _compile_tests(self, folder: Path, alive: tuple[Member, ...]) -> tuple[Member, ...]:
        library = folder / "compiled" / f"lib{self._library}.rlib"
        crates = {library: f"/l/{library.name}", self._tools.harness: "/l/libharness.rlib"}
        folders = Folders(folder / "tests", _made(folder / "program"), crates, self._externs)
        crate = Program(folders.sources, alive, self._library)
        self._pinned = crate.pinned
        called = [member.test_file.names.library for member in alive if member.test_file.names.library]
        while alive:
            crate.write(alive)
            result = self._tools.compiler.program(folders, self._library, alive, called)
            owners = {name: member for member in alive for name in (member.file, member.tests)}
            messages = diagnostics.read(result.stderr, frozenset(owners) | crate.shared_files)
            if result.returncode == 0 and not result.expired and not result.flooded:
                return alive
            faulty = {message.file for message in messages if message.is_error} & crate.shared_files
            if faulty:
                crate.part(faulty)
            else:
                alive = self._drop(alive, result, messages, owners)
        return ()

    def _drop(
        self, alive: tuple[Member, ...], result: Completed, messages: list[Message], owners: dict[str, Member]
    ) -> tuple[Member, ...]:
        """Take out the members to which errors are attributed and return the others."""
        faulty = diagnostics.errors_by_owner(messages, owners)
        if not faulty:
            if len(alive) > 1:
                raise WholeBatchFailed
            self._states[alive[0]].failure = failures.of_crash(result, self._tools.work)
            return ()
        for member, its in faulty.items():
            pinned = self._pinned.get(member, range(0))
            in_tests = [message for message in its if message.file == member.tests]
            self._states[member].failure = failures.of_errors(its, pinned if in_tests == its else range(0))
        return tuple(member for member in alive if member not in faulty)

    def _refuse(self, alive: tuple[Member, ...], messages: list[Message]) -> tuple[Member, ...]:
        """Take out the members that use forbidden means, except in a `main` that is not called."""
        owners = {member.file: member for member in alive}
        mains: dict[Member, list[range]] = {}
        for message in messages:
            member = owners.get(message.file)
            if member is None or message.code not in POLICY_LINTS or _as_the_tests_do(member, message):
                continue
            if member not in mains:
                mains[member] = _mains(member)
            if message.code == "unsafe_code" or not any(message.start in main for main in mains[member]):
                errors = (Diagnostic(message.code, POLICY_LINTS[message.code]),)
                self._states[member].failure = Failure("policy", errors, POLICY_LINTS[message.code])
        return tuple(member for member in alive if self._states[member].failure is None)

    def _run(self, folder: Path, alive: tuple[Member, ...]) -> None:
        if not alive:
            return
        reports = self._tools.runner.run(folder / "program" / "main", range(len(alive)))
        for case, member in enumerate(alive):
            self._states[member].report = reports[case]
            self._states[member].seconds["run"] = reports[case].seconds

    def _verdict(self, member: Member) -> Verdict:
        state = self._states[member]
        failure, expected = state.failure, state.report.total or len(member.test_file.functions)
        status = failure.status if failure is not None else state.report.status(expected)
        decided = failure is None or failure.status != "policy"
        lints = state.lints if failure is None else None
        return Verdict(
            id=member.candidate.id,
            status=status,
            compiles=failure is None if decided else None,
            tests_passed=len(state.report.passed),
            tests_expected=expected,
            clippy_clean=None if lints is None else not lints,
            lints=tuple(lints or ()),
            errors=failure.errors if failure is not None else (),
            seconds={phase: round(seconds, 4) for phase, seconds in state.seconds.items()},
            sandbox=self._tools.sandbox,
            detail=failure.detail if failure is not None else state.report.detail(expected),
            transient=(state.report.transient if failure is None else failure.transient) or UNSET,
            lint_counts=dict(lints) if lints else UNSET,
            integrity="weak" if member.candidate.policy == "unsafe" else UNSET,
            output=(_output(member, state) or UNSET) if member.candidate.explained else UNSET,
        )


def _output(member: Member, state: MemberState) -> str:
    """What the compiler says, or the tests without a record of success, the first of them with their source."""
    if state.failure is not None:
        return state.failure.output
    functions = member.test_file.functions
    lost = [one for number, one in enumerate(functions) if number not in state.report.passed - state.report.failed]
    named = [f"test {one.path} did not pass" for one in lost]
    return failures.shown([*named, *(one.source for one in lost[:SHOWN_TESTS])])


def _as_the_tests_do(member: Member, message: Message) -> bool:
    """Whether a disallowed function is one of a module that the tests use themselves: of files, or the environment."""
    path = message.text.split("`")[1::2][:1]
    module = path[0].split("::")[1:2] if path and message.code == "clippy::disallowed_methods" else []
    return bool(module) and module[0] in member.test_file.machine


def _mains(member: Member) -> list[range]:
    """The bytes of the candidate's own `fn main` at the top level, which is not called."""
    text = member.published
    source = CandidateSource(text)
    extents = source.extent("main") if source.lexes else []
    lengths = [(_bytes(text[:start]), _bytes(text[start:end])) for start, end in extents]
    return [range(before, before + inside) for before, inside in lengths]


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
