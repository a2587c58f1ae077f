"""Evaluations and thresholds for the gates' tests."""

from collections.abc import Callable

import pytest

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from tests.support.evaluations import evaluation_of


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
        margins={},
        at_least={},
    )
