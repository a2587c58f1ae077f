"""A tracking store for every test of runs."""

import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import pytest

from rustml.runs import tracking
from tests.support.stores import fresh_uri

VARIABLES = (
    "MLFLOW_TRACKING_URI",
    "MLFLOW_RUN_ID",
    "MLFLOW_EXPERIMENT_ID",
    "MLFLOW_EXPERIMENT_NAME",
    "MLFLOW_TRACKING_USERNAME",
    "MLFLOW_TRACKING_PASSWORD",
)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, empty_database: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Stand in an empty folder with an empty store, and leave no trace in MLflow's global state."""
    before = {name: os.environ.get(name) for name in VARIABLES}
    for name in VARIABLES:
        os.environ.pop(name, None)
    uri = mlflow.get_tracking_uri()
    fresh = fresh_uri(tmp_path, empty_database)
    if not fresh.startswith("sqlite:"):
        os.environ["MLFLOW_TRACKING_URI"] = fresh
    monkeypatch.chdir(tmp_path)
    tracking.client.cache_clear()
    yield tmp_path
    tracking.client.cache_clear()
    mlflow.set_tracking_uri(uri)
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
