"""A SQLite store that other programs write to: it is waited for, and what it says in the end is told."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from mlflow.exceptions import MlflowException

from rustml.errors import EnvironmentFault
from rustml.profile import load
from rustml.runs import sqlite_waiting, tracking
from rustml.runs.stage import Outcome, Stage, Workspace
from tests.support import postgres

STAGE = Stage("toy", ("pairs",), "rustml.runs.stage")


@pytest.fixture
def database(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv(postgres.VARIABLE, raising=False)
    tracking.client()
    return place / "mlflow.db"


def run(body: Callable[[], object]) -> tracking.Finished:
    """A stage whose body writes to the store."""

    def write(_: Workspace) -> Outcome:
        body()
        return Outcome()

    return tracking.run_stage(STAGE, load("tiny"), write)


def tag() -> None:
    tracking.client().set_experiment_tag(tracking.experiment(), "some", "text")


@pytest.mark.usefixtures("database")
def test_each_session_waits_longer_than_mlflow_would() -> None:
    with tracking.client()._tracking_client.store.ManagedSessionMaker() as session:
        milliseconds = session.execute(sqlalchemy.text("PRAGMA busy_timeout")).scalar()
    assert milliseconds == 300_000


def test_a_store_that_stays_busy_ends_a_run_with_what_to_do(database: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_waiting, "BUSY_SECONDS", 0.05)

    def held() -> None:
        with closing(sqlite3.connect(database)) as other:
            other.execute("BEGIN EXCLUSIVE")
            tag()

    with pytest.raises(EnvironmentFault, match=r"failed \(database is locked: another program held it.*Run it again"):
        run(held)
    assert run(tag).digest, "the same stage goes on once the other program has ended"


def test_a_store_whose_file_is_gone_is_told_of(database: Path) -> None:
    def gone() -> None:
        database.rename(database.with_name("moved.db"))
        tag()

    with pytest.raises(EnvironmentFault, match=r"readonly database: its file was moved, deleted or made read-only\)"):
        run(gone)


@pytest.mark.usefixtures("database")
def test_an_error_that_is_not_of_a_database_is_told_as_it_is() -> None:
    def fail() -> None:
        raise MlflowException("refused")

    with pytest.raises(EnvironmentFault, match=r"failed \(refused\)\. Run it again"):
        run(fail)
