"""URIs of tracking stores: relative ones are made absolute, and none is shown with its password."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from rustml.runs.tracking_uri import resolve_sqlite_uri, without_credentials

ROOT = Path(__file__).resolve().parents[2]


def test_a_relative_store_is_anchored_where_mlflow_run_was_typed(place: Path) -> None:
    """`mlflow run GIT_URL` starts its command in a clone and hands on a URI that is relative to somewhere else."""
    clone = place / "clone"
    clone.mkdir()
    program = (
        "import os, subprocess, sys\n"
        "environment = {**os.environ, 'MLFLOW_RUN_ID': 'x', 'MLFLOW_TRACKING_URI': 'sqlite:///mlflow.db'}\n"
        "code = 'from rustml.runs.tracking_uri import resolve_sqlite_uri as r; print(r(\"sqlite:///mlflow.db\"))'\n"
        "subprocess.run([sys.executable, '-c', code], cwd='clone', env=environment, check=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"sqlite:///{place}/mlflow.db"


def test_an_ancestor_that_may_not_be_looked_at_is_no_failure(monkeypatch: pytest.MonkeyPatch, place: Path) -> None:
    """An unprivileged user's shell descends from the system's login, whose folder is nobody else's business."""

    class Login:
        def cwd(self) -> str:
            raise psutil.AccessDenied(1)

    monkeypatch.setattr(psutil.Process, "parents", lambda _: [Login()])
    monkeypatch.setenv("MLFLOW_RUN_ID", "x")
    assert resolve_sqlite_uri("sqlite:///none.db") == f"sqlite:///{place}/none.db"


@pytest.mark.parametrize(
    "uri", ["sqlite:////absolute/mlflow.db", "http://127.0.0.1:5000", "postgresql://h/db", "databricks"]
)
def test_other_stores_are_left_as_they_are(uri: str) -> None:
    assert resolve_sqlite_uri(uri) == uri


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("sqlite:////home/me@work/mlflow.db", "sqlite:////home/me@work/mlflow.db"),
        ("file:///a@b", "file:///a@b"),
        ("http://h:1", "http://h:1"),
        ("http://u:p@h:1/x", "http://h:1/x"),
        ("http://u@h", "http://h"),
        ("databricks", "databricks"),
        ("/some/folder", "/some/folder"),
    ],
)
def test_a_shown_uri_lacks_its_password_and_nothing_else(uri: str, shown: str) -> None:
    assert without_credentials(uri) == shown
