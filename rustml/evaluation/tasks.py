"""What each task category is measured by."""

from collections.abc import Mapping

from rustml.evaluation.closeness import edit_similarity, exact, syntax_similarity
from rustml.evaluation.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.records import Problem, Verdict

PRINCIPAL: Mapping[str, str] = {
    "sig_doc_impl": "tests",
    "instruction_code": "tests",
    "test_generation": "tests",
    "bug_detection": "exact",
    "completion": "syntax",
    "api_usage_prediction": "syntax",
    "function_naming": "exact",
    "variable_naming": "exact",
    "docstring_generation": "edit",
}
"""The measure that speaks for a category: what else is measured stands beside it."""
PROSE = frozenset({"docstring_generation"})
IN_PLACE = ("compile", "clippy", "tests")


def scores(problem: Problem, code: str | None, verdict: Verdict) -> dict[str, float]:
    """Measures of one answer, each in [0, 1]; those that its pair cannot be judged by are left out.

    `exact`, `edit` and `syntax` compare texts. `compile`, `clippy` and `tests` are in place; an answer without code has
    none of them right.
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
    return found
