"""What an error of the tracking store means: that something is not there, or that the store itself failed."""

import mlflow
from mlflow.exceptions import MlflowException

from rustml.errors import EnvironmentFault
from rustml.runs.sqlite_waiting import BUSY_SECONDS
from rustml.runs.tracking_uri import redacted_error, without_credentials

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
"""MLflow's codes for what is not there, and for a text that names nothing, such as `x` for a version."""

MEANINGS = {
    "database is locked": f"another program held it for {BUSY_SECONDS:.0f} s; `mlflow server` serves many programs",
    "readonly database": "its file was moved, deleted or made read-only",
}
"""What SQLite's words mean for the user."""


def is_absent(error: MlflowException) -> bool:
    """Whether the store has answered, and what was asked for is not there."""
    return error.error_code in ABSENT


def store_failure(error: MlflowException) -> EnvironmentFault:
    """The fault to raise where the store or the registry fails, with a database's own words where it has any."""
    uri = mlflow.get_tracking_uri()
    cause = redacted_error(getattr(error.__cause__, "orig", None) or error, uri)
    cause += next((f": {meaning}" for sign, meaning in MEANINGS.items() if sign in cause), "")
    return EnvironmentFault(f"the tracking store {without_credentials(uri)} failed ({cause}). Run it again: it resumes")


def require_absent(error: MlflowException) -> None:
    """Raise EnvironmentFault unless the store has answered that something is not there."""
    if not is_absent(error):
        raise store_failure(error) from error
