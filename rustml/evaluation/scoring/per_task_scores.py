"""The scores of one answer to a hold-out item."""

from rustml.evaluation.kinds.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.evaluation.results.journal import Rating
from rustml.records import Problem, Verdict
from rustml.tasks import task_of


def scores(problem: Problem, code: str | None, verdict: Verdict, rating: Rating | None = None) -> dict[str, float]:
    """Measures of one answer, each in [0, 1]; those that its pair cannot be judged by are left out.

    `exact`, `edit` and `syntax` compare texts. `compile`, `clippy` and `tests` are in place; an answer without code has
    none of them right. `rating` is a language model's: 0 for its 1, 1 for its 10.
    """
    measured = dict(task_of(problem.tags[TASK]).text_scores(code or "", problem.reference))
    judged = problem.tags[INPLACE]
    if judged in (COMPILES, TESTED):
        measured |= {"compile": float(verdict.compiles is True), "clippy": float(verdict.clippy_clean is True)}
    if judged == TESTED:
        measured["tests"] = float(verdict.status == "passed")
    if rating is not None and rating.score is not None:
        measured["rating"] = (rating.score - 1) / 9
    return measured
