"""One promotion at a time: a lock in the registry itself.

Aliases, stages and tags have no compare-and-set, but a registered model's name is unique, so creating one is atomic on
every store. The lock is an empty registered model; its description says who holds it.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault
from rustml.runs.processes import has_ended, process_name

STALE_SECONDS = 120.0
"""A promotion holds the lock for about a second; one that is this old was left by a killed process."""
WAIT_SECONDS = 150.0
"""Longer than it takes for a lock to become stale: a promotion that waits outlives a lock that nobody holds."""
TELL_SECONDS = 3.0
POLL_SECONDS = 0.2
TAKEN = ("RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST")
"""MLflow's codes where a lock is held: the second where its holder gives it back while MLflow looks at it."""


@contextmanager
def promotion_lock(client: MlflowClient, model: str, *, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the model's promotion lock. Raises EnvironmentFault when it is not free within `wait` seconds."""
    name = f"{model}.promotion-lock"
    token = f"{process_name()} {secrets.token_hex(8)}"
    deadline, told = time.monotonic() + wait, False
    while not _create(client, name, token):
        if _stale(client, name):
            _delete(client, name)
            continue
        told = told or _tell(client, name)
        if time.monotonic() > deadline:
            raise EnvironmentFault(
                f"another promotion of {model} is under way (registered model {name}); try again later"
            )
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if _owner(client, name) == token:
            _delete(client, name)


def _create(client: MlflowClient, name: str, token: str) -> bool:
    try:
        client.create_registered_model(name, description=token)
    except MlflowException as error:
        if error.error_code not in TAKEN:
            raise
        return False
    return True


def _stale(client: MlflowClient, name: str) -> bool:
    """Whether the holder has ended, or the lock is too old for a promotion."""
    try:
        lock = client.get_registered_model(name)
    except MlflowException:
        return False
    return has_ended(_holder(lock)) or bool(_age(lock) > STALE_SECONDS)


def _tell(client: MlflowClient, name: str) -> bool:
    """Say who is waited for, once the lock is older than a promotion takes; whether it was said."""
    try:
        lock = client.get_registered_model(name)
    except MlflowException:
        return False
    if _age(lock) < TELL_SECONDS:
        return False
    click.echo(
        f"  waiting for the promotion lock {name}, which {_holder(lock)} has held for {_age(lock):.0f} s; "
        f"one that a killed process left is broken after {STALE_SECONDS:.0f} s",
        err=True,
    )
    return True


def _holder(lock: RegisteredModel) -> str:
    """The process that holds a lock, as `process_name` names it."""
    return str(lock.description or "").partition(" ")[0]


def _age(lock: RegisteredModel) -> float:
    """Seconds since a lock was taken, by this machine's clock."""
    return time.time() - float(lock.creation_timestamp) / 1000


def _owner(client: MlflowClient, name: str) -> str:
    try:
        return str(client.get_registered_model(name).description)
    except MlflowException:
        return ""


def _delete(client: MlflowClient, name: str) -> None:
    try:
        client.delete_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
