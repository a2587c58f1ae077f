"""Chat answers to problems, judged: for the reward, the curriculum and the check of a served model."""

from collections.abc import Sequence

from msgspec.structs import replace

from rustml.judge.judging import Judging
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Candidate, Problem, Verdict, candidate_of
from rustml.rust.fences import extract


def judge_completions(
    judge: Judging, problems: Sequence[Problem], answers: Sequence[str], *, explained: bool = False
) -> list[Verdict | None]:
    """Verdicts on chat answers in their order; None where no complete code block holds the entry point.

    The tests come from the problem alone, never from the answer. `explained` verdicts hold what compiler and tests say.
    """
    drafts = candidates_of(problems, answers, explained=explained)
    verdicts = iter(judge.judge([draft for draft in drafts if draft is not None]))
    return [None if draft is None else next(verdicts) for draft in drafts]


def candidates_of(
    problems: Sequence[Problem], answers: Sequence[str], *, explained: bool = False
) -> list[Candidate | None]:
    """What the judge is asked about chat answers; None where no complete code block holds the entry point."""
    codes = [extract(answer, one.answer_name, one.language) for one, answer in zip(problems, answers, strict=True)]
    return [
        None if code is None else replace(candidate_of(problem, code, f"{problem.id}#{position}"), explained=explained)
        for position, (problem, code) in enumerate(zip(problems, codes, strict=True))
    ]


def without_code(problem: Problem, identity: str) -> Verdict:
    """The verdict on an answer from which no code could be taken."""
    detail = f"the answer holds no code block{' with ' if problem.entry_point else ''}{problem.entry_point}"
    return unjudged_verdict(identity, "format", detail, "none")
