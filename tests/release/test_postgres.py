"""PostgreSQL as the tracking store, on a real server that the test starts."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import msgspec
import pytest
from mlflow.tracking import MlflowClient

from rustml.evaluation.results.report_file import Evaluation
from rustml.profile.gates import Thresholds
from tests.release import test_promotion as promotions
from tests.support import postgres
from tests.support.stores import Store, open_store

ROOT = Path(__file__).resolve().parents[2]
REACH = "from rustml.runs import tracking; tracking.client(); print('reached')"
STORES = (
    *("tests/release/test_card.py", "tests/release/test_promotion.py", "tests/release/test_served_alias.py"),
    *("tests/release/test_versions.py", "tests/runs/test_logged_models.py", "tests/runs/test_saved_views.py"),
    *("tests/runs/test_tracking.py", "tests/stages/test_lifecycle.py", "tests/stages/test_serve.py"),
    "tests/stages/test_sweep.py",
)
"""Tests of registry and tracking that choose their store by `VARIABLE`."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres.running() as uri:
        yield uri


@pytest.fixture
def database(server: str, tmp_path: Path, thresholds: Thresholds) -> Iterator[Store]:
    gate = msgspec.structs.replace(thresholds, rise=("rust.pass",), resamples=1000)
    yield open_store(tmp_path, gate, postgres.fresh_database(server))
    mlflow.set_tracking_uri(None)


def test_promotions_that_race_on_postgresql_have_one_winner(
    database: Store, evaluation: Callable[..., Evaluation]
) -> None:
    def report(name: str, rust: int, python: int = 400) -> str:
        scores = {"rust": [n < rust for n in range(200)], "python": [n < python for n in range(500)]}
        return database.evaluated(evaluation(database.digest(name), **scores))

    promotions.test_two_promotions_race_and_one_wins(database, report)


@pytest.mark.slow
def test_three_processes_on_a_new_postgresql_database_all_reach_it(server: str) -> None:
    uri = postgres.empty_database(server)
    environment = {"MLFLOW_TRACKING_URI": uri, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", REACH], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=600)[0].strip() for process in started] == [b"reached"] * 3
    assert MlflowClient(uri, registry_uri=uri).get_experiment("0").name == "Default"


@pytest.mark.slow
def test_the_tests_of_registry_and_tracking_pass_on_postgresql(server: str) -> None:
    # Each test opens a store of its own, whose pool would keep its connections to the end.
    environment = {**os.environ, postgres.VARIABLE: server, "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool"}
    # A thread that ends leaves its connection to the garbage collector, which psycopg warns of.
    quiet = ["-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *quiet, *STORES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
