"""Doubles for tests of code that judges: no compiler, no sandbox.

judge = FakeJudge(lambda candidate: "passed" if "add" in candidate.code else "wrong")
verdicts = judge.judge(candidates)
assert judge.judged == candidates
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle

from rustml.judge.judging import Progress
from rustml.judge.verdicts import with_id
from rustml.records import Candidate, Status, Verdict

UNDECIDED: Mapping[Status, bool | None] = {
    "compile_error": False,
    "compile_timeout": False,
    "policy": None,
    "format": None,
    "infrastructure": None,
}
"""Whether a candidate compiles, for each status that does not imply that it does."""

Answer = Status | Verdict
Decide = Callable[[Candidate], Answer]


class FakeJudge:
    """A judge that compiles nothing: its verdicts come from a function, a table by candidate id, or a fixed status."""

    def __init__(self, decide: Decide | Mapping[str, Answer] | Answer = "passed") -> None:
        """A verdict that is decided on gets the id of its candidate. A table without the id is a KeyError."""
        self.judged: list[Candidate] = []
        """All candidates so far, in order."""
        self._decide = _function(decide)

    @classmethod
    def in_turn(cls, *answers: Answer) -> "FakeJudge":
        """A judge that gives these answers in turn, from the first again after the last. ValueError without any."""
        if not answers:
            raise ValueError("in_turn needs at least one answer")
        answer = cycle(answers)
        return cls(lambda _: next(answer))

    def judge(self, candidates: Sequence[Candidate], progress: Progress | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order; `progress` is called after each."""
        verdicts = []
        for done, candidate in enumerate(candidates, start=1):
            self.judged.append(candidate)
            answer = self._decide(candidate)
            verdicts.append(
                with_id(answer, candidate.id) if isinstance(answer, Verdict) else make_verdict(candidate.id, answer)
            )
            if progress is not None:
                progress(done, len(candidates))
        return verdicts


def _function(decide: Decide | Mapping[str, Answer] | Answer) -> Decide:
    if isinstance(decide, Mapping):
        return lambda candidate: decide[candidate.id]
    if callable(decide):
        return decide
    return lambda _: decide


def make_verdict(
    identity: str,
    status: Status,
    *,
    compiles: bool | None = None,
    clippy_clean: bool | None = None,
    lints: tuple[str, ...] = (),
    detail: str = "",
) -> Verdict:
    """A verdict on one test. Without `compiles` it says what the status implies."""
    return Verdict(
        id=identity,
        status=status,
        compiles=UNDECIDED.get(status, True) if compiles is None else compiles,
        tests_passed=int(status == "passed"),
        tests_expected=1,
        clippy_clean=clippy_clean,
        lints=lints,
        errors=(),
        seconds={},
        sandbox="none",
        detail=detail,
    )
