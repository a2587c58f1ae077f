"""The MLflow client of this process: which store it talks to, and which experiment its runs go to."""

import os
from functools import cache
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault
from rustml.runs.tracking_uri import (
    DEFAULT,
    SQLITE,
    redacted_error,
    resolve_sqlite_uri,
    split_credentials,
    without_credentials,
)

EXPERIMENT = "rustml"


@cache
def client() -> MlflowClient:
    """The client of this process, with the store reached and its schema made.

    Raises EnvironmentFault when the store does not answer.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{DEFAULT}"
    mlflow.set_tracking_uri(_without_password(resolve_sqlite_uri(uri)))
    try:
        connected = MlflowClient()
        connected.search_experiments(max_results=1)
    except (MlflowException, OSError, ImportError) as error:  # a database's driver may be missing
        raise EnvironmentFault(
            f"the tracking store {without_credentials(uri)} does not answer ({redacted_error(error, uri)}). Start it, "
            f"or unset MLFLOW_TRACKING_URI to use {SQLITE}{DEFAULT} here"
        ) from error
    return connected


def _without_password(uri: str) -> str:
    """Move a server's login to the variables from which MLflow reads it: MLflow's errors quote the whole URI."""
    bare, user, password = split_credentials(uri)
    if not uri.startswith("http") or not user:
        return uri
    os.environ.update(MLFLOW_TRACKING_USERNAME=user, MLFLOW_TRACKING_PASSWORD=password)
    return bare


def public_uri() -> str:
    """The store's URI without its login."""
    client()
    return without_credentials(mlflow.get_tracking_uri())


def store_failure(error: MlflowException) -> EnvironmentFault:
    """The fault to raise when the store fails in the middle of a run."""
    cause = redacted_error(error, mlflow.get_tracking_uri())
    return EnvironmentFault(f"the tracking store {public_uri()} failed ({cause}). Run it again: it resumes")


def home() -> Path:
    """The folder of working copies and caches: the SQLite store's folder, else the current one."""
    client()
    uri = mlflow.get_tracking_uri()
    return Path(uri.removeprefix(SQLITE)).parent if uri.startswith(SQLITE) else Path.cwd()


def experiment() -> str:
    """Id of the experiment: the one that `mlflow run` chose, else `rustml`, which is made where it is missing."""
    experiment_id = os.environ.get("MLFLOW_EXPERIMENT_ID")
    if experiment_id:
        return experiment_id
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    named = client().get_experiment_by_name(name)
    return str(named.experiment_id if named else client().create_experiment(name))
