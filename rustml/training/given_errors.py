"""The compiler's errors in code that a prompt asks to correct, and the share of them that an answer no longer has."""

from collections.abc import Sequence

from rustml.judge.judging import Judging
from rustml.records import Problem, Verdict, candidate_of

Codes = frozenset[str]
"""Codes of rustc, such as E0308; the message of an error that has none, as of syntax."""


def codes(verdict: Verdict | None) -> Codes:
    """The distinct errors of code that the compiler refused; none of any other."""
    if verdict is None or verdict.status != "compile_error":
        return frozenset()
    return frozenset(error.code or error.message for error in verdict.errors)


def share_gone(before: Codes, verdict: Verdict) -> float:
    """Share of the error codes `before` that code which does not compile no longer has.

    0 for code with an error that was not there before: rustc looks for some errors only where others are gone, so that
    a slip of syntax would hide all that it was asked to correct. 0 for code refused for another reason, too.
    """
    now = codes(verdict)
    return len(before - now) / len(before) if before and now and now <= before else 0.0


class GivenErrors:
    """Error codes of the code that problems show (`Problem.broken`), each judged once."""

    def __init__(self, judge: Judging) -> None:
        self._judge = judge
        self._codes: dict[str, Codes] = {}

    def of(self, problems: Sequence[Problem]) -> list[Codes]:
        """Of each problem; none where it shows no such code, or the judge could not judge it, which is tried again."""
        new = {one.id: one for one in problems if one.broken and one.id not in self._codes}
        candidates = [candidate_of(problem, problem.broken, name) for name, problem in new.items()]
        verdicts = self._judge.judge(candidates) if candidates else []
        self._codes |= {
            name: codes(verdict)
            for name, verdict in zip(new, verdicts, strict=True)
            if verdict.status != "infrastructure"
        }
        return [self._codes.get(one.id, frozenset()) for one in problems]
