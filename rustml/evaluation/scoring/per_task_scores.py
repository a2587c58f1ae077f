"""What each task category is measured by."""

from rustml.evaluation.results.journal import Rating
from rustml.evaluation.scoring.text_similarity import edit_similarity, exact, syntax_similarity
from rustml.evaluation.suites.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.records import Problem, Verdict

PROSE = frozenset({"docstring_generation"})
IN_PLACE = ("compile", "clippy", "tests")


def scores(problem: Problem, code: str | None, verdict: Verdict, rating: Rating | None = None) -> dict[str, float]:
    """Measures of one answer, each in [0, 1]; those that its pair cannot be judged by are left out.

    `exact`, `edit` and `syntax` compare texts. `compile`, `clippy` and `tests` are in place; an answer without code has
    none of them right. `rating` is a language model's: 0 for its 1, 1 for its 10.
    """
    answer = code or ""
    found = {"exact": exact(answer, problem.reference), "edit": edit_similarity(answer, problem.reference)}
    if problem.tags[TASK] not in PROSE:
        found["syntax"] = syntax_similarity(answer, problem.reference)
    judged = problem.tags[INPLACE]
    if judged in (COMPILES, TESTED):
        found |= {"compile": float(verdict.compiles is True), "clippy": float(verdict.clippy_clean is True)}
    if judged == TESTED:
        found["tests"] = float(verdict.status == "passed")
    if rating is not None and rating.score is not None:
        found["rating"] = (rating.score - 1) / 9
    return found
