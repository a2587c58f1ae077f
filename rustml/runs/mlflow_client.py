"""The MLflow client of this process: which store it talks to, and which experiment its runs go to."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault
from rustml.runs.sqlite_waiting import wait_longer
from rustml.runs.tracking_uri import (
    DEFAULT,
    SQLITE,
    redacted_error,
    resolve_sqlite_uri,
    split_credentials,
    without_credentials,
)

EXPERIMENT = "rustml"
DEFAULT_EXPERIMENT = "0"
"""Id of the experiment that every store has."""
EXPERIMENT_TAGS = {
    "mlflow.experimentKind": "custom_model_development",
    "mlflow.note.content": (
        "From a base model to a served Rust coder. Each run named `lifecycle` holds its stages as child runs; "
        "`evaluate` runs are what to compare. Versions, their gates and aliases are on the registered model's page."
    ),
}
CREATION_SECONDS, POLL_SECONDS = 60.0, 1.0
"""How long another program may take to make a store, and how often it is asked."""
UNDER_WAY = ("already exists", "duplicate column", "duplicate key", "database is locked", "no such table")
"""What SQLite and PostgreSQL say of tables that another program is making."""
POSTGRES, POSTGRES_LOCK = "postgresql", 7_205_759_403_792_794
"""Scheme of its URIs, and the key of our advisory lock: any number that no other program takes."""
FAILURES = (MlflowException, OSError, ImportError)  # a database's driver may be missing


@cache
def client() -> MlflowClient:
    """The client of this process, with the store reached and its schema made.

    Raises EnvironmentFault when the store does not answer.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{DEFAULT}"
    mlflow.set_tracking_uri(_without_password(resolve_sqlite_uri(uri)))
    if tracking_uri().startswith(SQLITE):
        wait_longer()
    try:
        return _connected()
    except Exception as error:
        if not _of_the_store(error):
            raise
        raise EnvironmentFault(
            f"the tracking store {without_credentials(uri)} does not answer ({redacted_error(error, uri)}). Start it, "
            f"or unset MLFLOW_TRACKING_URI to use {SQLITE}{DEFAULT} here"
        ) from error


def _connected() -> MlflowClient:
    """A client whose store has answered; a new database that another process is making is asked again."""
    deadline = time.monotonic() + CREATION_SECONDS
    while True:
        try:
            with _one_at_a_time():
                connected = MlflowClient()
                connected.search_experiments(max_results=1)
        except Exception as error:
            if not _under_way(error) or time.monotonic() > deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return connected


def _one_at_a_time() -> AbstractContextManager[object]:
    """Hold the store: MLflow makes the tables step by step, and two makers end in an error."""
    uri = mlflow.get_tracking_uri()
    if uri.startswith(POSTGRES):
        return _advisory_lock(uri)
    folder = Path(uri.removeprefix(SQLITE)).parent
    return _locked(folder) if uri.startswith(SQLITE) and folder.is_dir() else nullcontext()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a SQLite store."""
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@contextmanager
def _advisory_lock(uri: str) -> Iterator[None]:
    """Hold a PostgreSQL database; the server gives the lock back when this connection ends."""
    import sqlalchemy  # noqa: PLC0415  MLflow loads it where a store is a database

    engine = sqlalchemy.create_engine(uri, poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        connection.execute(sqlalchemy.text(f"SELECT pg_advisory_lock({POSTGRES_LOCK})"))
        yield


def _of_the_store(error: BaseException) -> bool:
    """Whether a failure is the store's: also one of the library that MLflow speaks to databases with."""
    return isinstance(error, FAILURES) or type(error).__module__.startswith("sqlalchemy.")


def _under_way(error: BaseException) -> bool:
    """Whether a database failed because its tables are just being made."""
    chain = f"{error} {error.__cause__}"
    return mlflow.get_tracking_uri().startswith((SQLITE, POSTGRES)) and any(sign in chain for sign in UNDER_WAY)


def _without_password(uri: str) -> str:
    """Move a server's login to the variables from which MLflow reads it: MLflow's errors quote the whole URI."""
    bare, user, password = split_credentials(uri)
    if not uri.startswith("http") or not user:
        return uri
    os.environ.update(MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
    return bare


def tracking_uri() -> str:
    """The store's URI, which may hold a login: never show it."""
    return str(mlflow.get_tracking_uri())


def public_uri() -> str:
    """The store's URI without its login."""
    client()
    return without_credentials(mlflow.get_tracking_uri())


def home() -> Path:
    """The folder of working copies and caches: the SQLite store's folder, else the current one."""
    client()
    uri = mlflow.get_tracking_uri()
    return Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else Path.cwd()


def experiment() -> str:
    """Id of the experiment: the one that was chosen, else `rustml`, which is made where it is missing.

    `mlflow run` names experiment Default where the user chose none; it does not count as a choice.
    """
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID", DEFAULT_EXPERIMENT)
    if experiment_id == DEFAULT_EXPERIMENT:
        experiment_id = _named(os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT))
    _describe(experiment_id)
    return experiment_id


def _named(name: str) -> str:
    named = client().get_experiment_by_name(name)
    if named is not None:
        return str(named.experiment_id)
    try:
        return str(client().create_experiment(name, artifact_location=_artifacts(name)))
    except MlflowException:  # another process made it meanwhile
        named = client().get_experiment_by_name(name)
        if named is None:
            raise
        return str(named.experiment_id)


def _artifacts(name: str) -> str | None:
    """Folder of a new experiment's artifacts beside a SQLite store; MLflow would take the current folder.

    None for a server, which keeps them itself. Experiments may share a folder: within it each run has its own.
    """
    if not tracking_uri().startswith(SQLITE):
        return None
    return str(home() / "mlruns" / re.sub(r"[^\w.-]+", "-", name))


def _describe(experiment_id: str) -> None:
    """Mark the experiment as model development, not as the traces of an application; what a person set stays."""
    tags = client().get_experiment(experiment_id).tags
    for name, text in EXPERIMENT_TAGS.items():
        if name not in tags:
            with suppress(MlflowException):  # an account that may not edit the experiment may still work in it
                client().set_experiment_tag(experiment_id, name, text)
