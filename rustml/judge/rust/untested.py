"""Judge candidates without tests: one pass of clippy over all of them, which compiles as far as `cargo check` does.

Nothing is linked and nothing is run, so that no means are forbidden.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import UNSET

from rustml.judge.rust import diagnostics, failures
from rustml.judge.rust.batch import COMPANY, Tools, WholeBatchFailed
from rustml.judge.rust.compiler import Folders
from rustml.judge.rust.crate_layout import Member, write_library, write_root
from rustml.judge.rust.diagnostics import Message
from rustml.judge.rust.failures import Failure
from rustml.judge.rust.lints import lint_counts
from rustml.records import Verdict
from rustml.sandbox.processes import Completed

PLACEHOLDER = "#[test]\nfn none() {}\n"
"""What is read in the place of the tests; it is compiled nowhere."""


class UntestedBatch:
    """The judgement of members that share an edition and a set of crates, and have no tests."""

    def __init__(self, members: Sequence[Member], tools: Tools) -> None:
        self._members, self._tools = tuple(members), tools
        self._failures: dict[Member, Failure] = {}
        self._lints: dict[Member, Mapping[str, int]] = {}
        self._seconds = 0.0

    def verdicts(self) -> dict[Member, Verdict]:
        """One verdict per member. Raises JudgeFault when the judge failed, WholeBatchFailed when it has to be split."""
        started = time.monotonic()
        with self._tools.folder() as folder:
            self._check(folder)
        self._seconds = (time.monotonic() - started) / len(self._members)
        return {member: self._verdict(member) for member in self._members}

    def doubtful(self, member: Member) -> bool:
        """Whether the company that a member was judged in may have decided how it failed."""
        failure = self._failures.get(member)
        codes = {error.code for error in failure.errors} if failure is not None else frozenset[str]()
        return len(self._members) > 1 and bool(codes & COMPANY)

    def _check(self, folder: Path) -> None:
        externs = self._tools.crates.get(self._members[0].candidate.dependencies)
        folders = Folders(folder / "sources", folder / "output", externs=externs)
        write_library(folders.sources, self._members, published=False)
        folders.output.mkdir()
        alive = self._members
        while alive:
            write_root(folders.sources, alive)
            result = self._tools.compiler.check(folders, alive)
            messages = diagnostics.read(result.stderr, frozenset(member.file for member in alive))
            if _complete(result, messages, len(alive)):
                self._lints = lint_counts(alive, messages)
                return
            alive = self._drop(alive, result, messages)

    def _drop(self, alive: tuple[Member, ...], result: Completed, messages: list[Message]) -> tuple[Member, ...]:
        """Take out the members to which errors are attributed and return the others."""
        faulty = diagnostics.errors_by_owner(messages, {member.file: member for member in alive})
        if not faulty and len(alive) > 1:
            raise WholeBatchFailed
        if not faulty:
            self._failures[alive[0]] = failures.of_crash(result, self._tools.work)
            return ()
        self._failures |= {member: failures.of_errors(its) for member, its in faulty.items()}
        return tuple(member for member in alive if member not in faulty)

    def _verdict(self, member: Member) -> Verdict:
        failure = self._failures.get(member)
        lints = self._lints.get(member) if failure is None and self._tools.lints else None
        return Verdict(
            id=member.candidate.id,
            status="untested" if failure is None else failure.status,
            compiles=failure is None,
            tests_passed=0,
            tests_expected=0,
            clippy_clean=None if lints is None else not lints,
            lints=tuple(lints or ()),
            errors=failure.errors if failure is not None else (),
            seconds={"compile": round(self._seconds, 4)},
            sandbox=self._tools.sandbox,
            detail="it compiles, and there are no tests" if failure is None else failure.detail,
            transient=(failure is not None and failure.transient) or UNSET,
            lint_counts=dict(lints) if lints else UNSET,
        )


def _complete(result: Completed, messages: Sequence[Message], members: int) -> bool:
    """Whether the compiler came to its end; of one alone, a flood of lints is still a list of lints."""
    if members == 1 and result.flooded and not any(message.is_error for message in messages):
        return True
    return result.returncode == 0 and not result.expired and not result.flooded
