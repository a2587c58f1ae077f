"""A store, evaluations and thresholds for the tests of gates and registry."""

from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import msgspec
import pytest

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from tests.support.evaluations import evaluation_of
from tests.support.stores import Store, fresh_uri, open_store


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


@pytest.fixture
def store(tmp_path: Path, thresholds: Thresholds, empty_database: bytes) -> Iterator[Store]:
    uri = fresh_uri(tmp_path, empty_database)
    yield open_store(tmp_path, msgspec.structs.replace(thresholds, rise=("rust.pass",), resamples=1000), uri)
    mlflow.set_tracking_uri(None)


@pytest.fixture
def report(store: Store, evaluation: Callable[..., Evaluation]) -> Callable[..., str]:
    """Log an evaluation of the named weights with so many Rust and Python items passed of 200 and 500."""

    def logged(name: str, rust: int, python: int = 400) -> str:
        scores = {"rust": [n < rust for n in range(200)], "python": [n < python for n in range(500)]}
        return store.evaluated(evaluation(store.digest(name), **scores))

    return logged
