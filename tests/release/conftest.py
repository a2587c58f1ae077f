"""Evaluations made by hand, as the gates' tests need them."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile.gates import Thresholds

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


@pytest.fixture
def evaluation() -> Callable[..., Evaluation]:
    return evaluation_of


@pytest.fixture
def thresholds() -> Thresholds:
    """The margins that docs/gates.md states: 3 points pooled, 5 a suite, no observed loss beyond 2."""
    return Thresholds(
        confidence=0.95,
        resamples=10_000,
        seed=17,
        retention_pooled_margin=0.03,
        retention_suite_margin=0.05,
        retention_point_margin=0.02,
        rise=("rust.compile", "rust.pass"),
        require_gain=True,
        hold=(),
        fall_margin=0.03,
    )
