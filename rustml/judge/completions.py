"""Chat answers to problems, judged: what the reward and the check of a served model have in common."""

from collections.abc import Sequence
from typing import Protocol

from rustml.records import Candidate, Problem, Verdict, candidate_of
from rustml.rust.fences import extract


class Judging(Protocol):
    """The part of Judge that is needed here."""

    def judge(self, candidates: Sequence[Candidate]) -> Sequence[Verdict]:
        """Verdicts in the order of the candidates."""
        ...


def judge_answers(judge: Judging, problems: Sequence[Problem], answers: Sequence[str]) -> list[Verdict | None]:
    """Verdicts on chat answers in their order; None where no complete code block holds the entry point.

    The tests come from the problem alone, never from the answer.
    """
    candidates: list[Candidate] = []
    places: list[int] = []
    for place, (problem, answer) in enumerate(zip(problems, answers, strict=True)):
        code = extract(answer, problem.entry_point, problem.language)
        if code is not None:
            places.append(place)
            candidates.append(candidate_of(problem, code, f"{problem.id}#{place}"))
    verdicts: list[Verdict | None] = [None] * len(problems)
    for place, verdict in zip(places, judge.judge(candidates), strict=True):
        verdicts[place] = verdict
    return verdicts
