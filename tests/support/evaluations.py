"""Evaluations made by hand, as tests of gates and promotions need them."""

from collections.abc import Sequence

import msgspec

from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult

Score = bool | Sequence[bool]

PASSED = Outcome(status="passed", compiles=True, clippy_clean=True, lints=(), errors=(), characters=80)
FAILED = Outcome(status="compile_error", compiles=False, clippy_clean=None, lints=(), errors=("E0308",), characters=90)


def _samples(score: Score) -> tuple[Outcome, ...]:
    drawn = (score,) if isinstance(score, bool) else score
    return tuple(PASSED if right else FAILED for right in drawn)


def recorded(evaluation: Evaluation) -> Evaluation:
    """The evaluation with the metrics that follow from its outcomes."""
    return msgspec.structs.replace(evaluation, recorded=evaluation.metrics())


def evaluation_of(weights: str, *, rust: Sequence[Score] = (), **retention: Sequence[Score]) -> Evaluation:
    """An evaluation whose items passed (a sequence: sample by sample) or failed to compile."""
    suites = {"rust": ("rust", "rust.", rust)} if rust else {}
    for name, scores in retention.items():
        group = "rust" if name.startswith("rust") else "retention"
        suites[name] = (group, f"{group}.{name}.", scores)
    results = {
        name: SuiteResult(
            group=group,
            metric_prefix=prefix,
            protocol={"engine": "transformers", "data": name},
            outcomes={f"{name}/{number}": _samples(score) for number, score in enumerate(scores)},
            contaminated=(),
            excluded={},
            seconds={"generate": 1.5},
        )
        for name, (group, prefix, scores) in suites.items()
    }
    return recorded(Evaluation(model="made", weights_digest=weights, suites=results, recorded={}))
