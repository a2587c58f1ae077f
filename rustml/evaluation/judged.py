"""Verdicts on the answers of a suite: the protocol's own, and the judge's on all others."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from rustml.errors import JudgeFault
from rustml.evaluation.context import EvalContext
from rustml.evaluation.suites.suite import Suite
from rustml.judge.completions import without_code
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Problem, Verdict, candidate_of

Draft = tuple[Problem, int, str | None]
"""A problem, the number of the sample, and the code of the answer."""


def judged(
    drafts: Sequence[Draft], suite: Suite, context: EvalContext, watch: Callable[[int], object]
) -> list[Verdict]:
    """One verdict per draft, in order; what the protocol itself decides on never reaches the judge."""
    decided = [_without_judge(draft, suite) for draft in drafts]
    candidates = [
        replace(candidate_of(problem, code, f"{problem.id}#{sample}"), explained=suite.repair)
        for (problem, sample, code), verdict in zip(drafts, decided, strict=True)
        if code is not None and verdict is None
    ]

    def progress(done: int, _total: int) -> None:
        watch(done)

    made = (suite.judge or context.judge).judge(candidates, progress) if candidates else []
    if [verdict.id for verdict in made] != [candidate.id for candidate in candidates]:
        raise JudgeFault("the judge's verdicts are not those of the candidates it was given, in their order")
    in_order = iter(made)
    return [next(in_order) if verdict is None else verdict for verdict in decided]


def _without_judge(draft: Draft, suite: Suite) -> Verdict | None:
    """The verdict on a draft without code, of status `format`, and on code that the protocol refuses, `policy`."""
    problem, sample, code = draft
    if code is None:
        return without_code(problem, f"{problem.id}#{sample}")
    refusal = suite.protocol.refusal(problem, code)
    return unjudged_verdict(f"{problem.id}#{sample}", "policy", refusal, "none") if refusal else None
