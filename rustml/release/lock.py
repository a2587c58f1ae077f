"""One promotion at a time: a lock in the registry itself.

Aliases, stages and tags have no compare-and-set, but a registered model's name is unique, so creating one is atomic on
every store. The lock is an empty registered model; its description says who holds it.
"""

import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from rustml.errors import EnvironmentFault

STALE_SECONDS = 120.0
"""A promotion holds the lock for about a second; one that is this old was left by a killed process."""
WAIT_SECONDS = 60.0
POLL_SECONDS = 0.2


@contextmanager
def promotion_lock(client: MlflowClient, model: str, *, wait: float = WAIT_SECONDS) -> Iterator[None]:
    """Hold the model's promotion lock. Raises EnvironmentFault when it is not free within `wait` seconds."""
    name = f"{model}.promotion-lock"
    token = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"
    deadline = time.monotonic() + wait
    while not _create(client, name, token):
        if _stale(client, name):
            _delete(client, name)
        elif time.monotonic() > deadline:
            raise EnvironmentFault(
                f"another promotion of {model} is under way (registered model {name}); try again later"
            )
        else:
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
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return False
    return True


def _stale(client: MlflowClient, name: str) -> bool:
    try:
        created = client.get_registered_model(name).creation_timestamp
    except MlflowException:
        return False
    return bool(time.time() - created / 1000 > STALE_SECONDS)


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
