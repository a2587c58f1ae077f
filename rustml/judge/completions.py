"""Chat answers to problems, judged: for the reward, the curriculum and the check of a served model."""

from collections.abc import Sequence

from rustml.judge.judging import Judging
from rustml.records import Candidate, Problem, Verdict, candidate_of
from rustml.rust.fences import extract


def judge_completions(judge: Judging, problems: Sequence[Problem], answers: Sequence[str]) -> list[Verdict | None]:
    """Verdicts on chat answers in their order; None where no complete code block holds the entry point.

    The tests come from the problem alone, never from the answer.
    """
    candidates: list[Candidate] = []
    positions: list[int] = []
    for position, (problem, answer) in enumerate(zip(problems, answers, strict=True)):
        code = extract(answer, problem.answer_name, problem.language)
        if code is not None:
            positions.append(position)
            candidates.append(candidate_of(problem, code, f"{problem.id}#{position}"))
    verdicts: list[Verdict | None] = [None] * len(problems)
    for position, verdict in zip(positions, judge.judge(candidates), strict=True):
        verdicts[position] = verdict
    return verdicts
