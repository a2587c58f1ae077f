"""URIs of tracking stores: which SQLite file is meant, and how to show a URI without its password."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import psutil

DEFAULT = "mlflow.db"
"""The SQLite store in the user's current folder."""
SQLITE = "sqlite:///"
MAX_ANCESTORS = 4
"""Processes between a stage and the shell in which `mlflow run` was typed, at most."""


def resolve_sqlite_uri(uri: str) -> str:
    """Make the path of a relative SQLite store absolute; other URIs are returned as they are.

    `mlflow run GIT_URL` starts its command in a fresh clone and passes on a relative URI, which would name another,
    empty store there. The store that holds the run lies in the folder in which `mlflow run` itself was typed.
    """
    if not uri.startswith(SQLITE) or uri.startswith(SQLITE + "/"):
        return uri
    name = uri.removeprefix(SQLITE)
    folders = [Path.cwd()]
    if "MLFLOW_RUN_ID" in os.environ:
        folders += _ancestor_folders()
    folder = next((folder for folder in folders if (folder / name).exists()), Path.cwd())
    return f"{SQLITE}{folder / name}"


def _ancestor_folders() -> Iterator[Path]:
    """Current folders of the parent processes, up to the first one that belongs to another user."""
    for parent in psutil.Process().parents()[:MAX_ANCESTORS]:
        try:
            yield Path(parent.cwd())
        except psutil.Error:
            return


def split_credentials(uri: str) -> tuple[str, str, str]:
    """A URI without the part before its `@`, the user name and the password; both decoded, empty where missing."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme in ("sqlite", "file"):
        return uri, "", ""
    login, _, address = rest.rpartition("@")
    user, _, password = login.partition(":")
    return f"{scheme}://{address}", unquote(user), unquote(password)


def without_credentials(uri: str) -> str:
    """The URI without user name and password."""
    return split_credentials(uri)[0]


def redacted_error(error: BaseException, uri: str) -> str:
    """The first line of an error's text, at most 200 characters, without the login of `uri`."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    login = uri.partition("://")[2].rpartition("@")[0]
    password = login.partition(":")[2]
    for secret in filter(None, (login, password, unquote(password))):
        line = line.replace(secret, "***")
    return line[:200]
