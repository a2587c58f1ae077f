"""From candidates to verdicts, also after failures on the way: in parts, alone, once more, and beside a control.

A fault counts as the machine's only where code that is known to be right meets it too. What a candidate writes decides
about that candidate alone.
"""

from collections.abc import Callable, Sequence

import msgspec

from rustml.errors import InputError
from rustml.judge.rust.batch import Batch, Tools, WholeBatchFailed
from rustml.judge.rust.crate_layout import Member
from rustml.judge.rust.failures import Unexplained
from rustml.judge.rust.lexical_faults import LexicalFaults
from rustml.judge.rust.untested import PLACEHOLDER, UntestedBatch
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.judge.screening.time_limit import time_limit
from rustml.records import Candidate, Dependency, Status, Verdict

PARTS = 8
"""A batch that fails as a whole is judged again in this many parts."""
READING_SECONDS = 10.0
"""Time that the judge's own reading of one candidate may take."""
CONTROL = Candidate(
    id="control",
    code="pub fn same(x: i32) -> i32 {\n    x\n}\n",
    tests="#[test]\nfn is_the_same() {\n    assert_eq!(same(3), 3);\n}\n",
    entry_point="same",
    signature="fn same(x: i32) -> i32",
)
"""Code that passes wherever the machine does its part."""
Unjudged = Callable[[Candidate, Status, str], Verdict]


class Settler:
    """Judges members with the tools of one judge."""

    def __init__(self, tools: Tools, unjudged: Unjudged) -> None:
        """`unjudged` makes a verdict without a judgement, from status and detail."""
        self._tools, self._unjudged = tools, unjudged
        self._lexical_faults = LexicalFaults()

    def prepare(self, candidate: Candidate) -> Member | Verdict:
        """The candidate made ready, or the verdict where its text alone decides it."""
        try:
            with time_limit(READING_SECONDS if len(candidate.code) > _SHORT else None):
                member = _read(candidate)
        except InputError as error:
            return self._unjudged(candidate, "infrastructure", str(error))
        except Exception as error:  # one text that breaks the reader costs no other its verdict
            return self._unreadable(candidate, error)
        if candidate.untested:
            return member
        forbidden = member.source.forbidden(allow_unsafe=candidate.policy == "unsafe")
        return member if forbidden is None else self._unjudged(candidate, "policy", forbidden)

    def _unreadable(self, candidate: Candidate, error: Exception) -> Verdict:
        try:
            _read(msgspec.structs.replace(candidate, code=""))
        except Exception as fault:  # the tests are to blame: they are the problem's
            return self._unjudged(candidate, "infrastructure", f"the tests cannot be read ({type(fault).__name__})")
        return self._unjudged(candidate, "policy", f"the code cannot be read ({type(error).__name__})")

    def settle(self, members: Sequence[Member]) -> dict[Candidate, Verdict]:
        """One verdict per member, whose company decides nothing: what fails in doubt is judged again alone."""
        known = self._lexical_faults.verdict(members[0]) if len(members) == 1 else None
        if known is not None:
            return {members[0].candidate: known}
        batch = self._batch(members)
        try:
            verdicts = {member.candidate: verdict for member, verdict in batch.verdicts().items()}
        except WholeBatchFailed:
            return self._in_parts(members)
        except Exception as error:
            if len(members) > 1:
                return self._in_parts(members)
            return {members[0].candidate: self._once_more(members[0], error)}
        for member in members:
            if batch.doubtful(member):
                verdicts |= self.settle([member])
        if len(members) == 1:
            self._lexical_faults.learn(members[0], verdicts[members[0].candidate])
        return verdicts

    def _batch(self, members: Sequence[Member]) -> Batch | UntestedBatch:
        return (UntestedBatch if members[0].candidate.untested else Batch)(members, self._tools)

    def _in_parts(self, members: Sequence[Member]) -> dict[Candidate, Verdict]:
        step = -(-len(members) // PARTS)
        verdicts: dict[Candidate, Verdict] = {}
        for start in range(0, len(members), step):
            verdicts |= self.settle(members[start : start + step])
        return verdicts

    def _once_more(self, member: Member, first: Exception) -> Verdict:
        try:
            return self._batch([member]).verdicts()[member]
        except Exception as second:
            if not self._control_passes():
                return self._unjudged(member.candidate, "infrastructure", f"{_said(first)}; then {_said(second)}")
            return self._blamed(member.candidate, second)

    def _control_passes(self) -> bool:
        try:
            (verdict,) = Batch([_read(CONTROL)], self._tools).verdicts().values()
        except Exception:
            return False
        return verdict.status == "passed"

    def _blamed(self, candidate: Candidate, fault: Exception) -> Verdict:
        """The verdict on code that failed twice for no reason in its text, where the control passed."""
        if isinstance(fault, Unexplained):
            failure = fault.failure
            verdict = self._unjudged(candidate, failure.status, failure.detail)
            return msgspec.structs.replace(verdict, compiles=False, errors=failure.errors, transient=True)
        verdict = self._unjudged(candidate, "crashed", "its program could not be run to an end, and another's could")
        return msgspec.structs.replace(verdict, transient=True)


_SHORT = 8192
"""Code of no more characters is read without a watch: the reading is linear."""


def _read(candidate: Candidate) -> Member:
    """The candidate with everything that is read off its text, so that a fault in the reading comes up here."""
    source = CandidateSource(candidate.code)
    tests = msgspec.structs.replace(candidate, tests=PLACEHOLDER) if candidate.untested else candidate
    member = Member(candidate, source, TestFile(tests, source))
    _ = member.alone, member.published, member.linted, source.own_types, member.test_file.comparable
    return member


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def groups(members: Sequence[Member]) -> list[list[Member]]:
    """Those who share a compilation, by edition, crates and whether they have tests, and those who go alone."""
    alone = [[member] for member in members if member.alone]
    shared: dict[tuple[str, bool, tuple[Dependency, ...]], list[Member]] = {}
    for member in members:
        if not member.alone:
            candidate = member.candidate
            key = candidate.edition, candidate.untested, candidate.dependencies
            shared.setdefault(key, []).append(member)
    return [*alone, *shared.values()]
