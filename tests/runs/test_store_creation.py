"""A new store is made by one process at a time, and one that another program is making is asked again."""

import sqlite3
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from sqlalchemy.exc import OperationalError

from rustml.errors import EnvironmentFault
from rustml.runs import mlflow_client, tracking

ROOT = Path(__file__).resolve().parents[2]


def refusing(times: int, text: str) -> type:
    """A client whose store fails so often before it answers."""
    failures = [OperationalError("CREATE TABLE", {}, sqlite3.OperationalError(text))] * times

    class Client:
        def search_experiments(self, **_: object) -> list[object]:
            if failures:
                raise failures.pop()
            return []

    return Client


def test_a_store_in_the_making_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_client, "POLL_SECONDS", 0.0)
    monkeypatch.setattr(mlflow_client, "MlflowClient", refusing(2, "table experiments already exists"))
    assert tracking.client() is not None


def test_a_store_that_fails_otherwise_is_one_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mlflow_client, "MlflowClient", refusing(1, "unable to open database file"))
    with pytest.raises(EnvironmentFault, match="unable to open database file"):
        tracking.client()


@pytest.mark.slow
def test_three_processes_on_a_new_store_all_reach_it(tmp_path: Path) -> None:
    program = "from rustml.runs import tracking; tracking.client(); print('reached')"
    uri = f"sqlite:///{tmp_path / 'new.db'}"
    environment = {"MLFLOW_TRACKING_URI": uri, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate(timeout=120)[0].strip() for process in started] == [b"reached"] * 3
    mlflow.set_tracking_uri(uri)
    assert mlflow.MlflowClient().get_experiment("0").name == "Default"
