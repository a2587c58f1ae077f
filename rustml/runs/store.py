"""Where runs are kept and what code they ran, as far as MLflow is not needed to tell."""

import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import psutil

DEFAULT = "mlflow.db"
"""The SQLite store in the folder where the user stands."""
SQLITE = "sqlite:///"
ANCESTORS = 4
"""Processes between a stage and the shell in which `mlflow run` was typed, at most."""
CLOCK_SECONDS = 5.0
"""How far two readings of a process's start may lie apart: it is told relative to a clock that is set now and then."""


def anchored(uri: str) -> str:
    """Anchor a relative SQLite store where the user stands.

    `mlflow run GIT_URL` starts its command in a fresh clone and hands on a relative URI, which would name another,
    empty store there. The store that holds the run is the one of the folder in which `mlflow run` itself was typed.
    """
    if not uri.startswith(SQLITE) or uri.startswith(SQLITE + "/"):
        return uri
    name = uri.removeprefix(SQLITE)
    folders = [Path.cwd()]
    if "MLFLOW_RUN_ID" in os.environ:
        folders += _ancestors()
    place = next((folder for folder in folders if (folder / name).exists()), Path.cwd())
    return f"{SQLITE}{place / name}"


def _ancestors() -> Iterator[Path]:
    """Where the processes above this one stand; of another user's, such as a login's, that cannot be known."""
    for parent in psutil.Process().parents()[:ANCESTORS]:
        try:
            yield Path(parent.cwd())
        except psutil.Error:
            return


def credentials(uri: str) -> tuple[str, str, str]:
    """A URI without what stands before its `@`; user name and password, decoded, empty where there are none."""
    scheme, separator, rest = uri.partition("://")
    if not separator or scheme in ("sqlite", "file"):
        return uri, "", ""
    who, _, place = rest.rpartition("@")
    user, _, password = who.partition(":")
    return f"{scheme}://{place}", unquote(user), unquote(password)


def public(uri: str) -> str:
    """The URI without a user name and password."""
    return credentials(uri)[0]


def reason(error: BaseException, uri: str) -> str:
    """The first line of an error's text, without the password of `uri`."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    who = uri.partition("://")[2].rpartition("@")[0]
    password = who.partition(":")[2]
    for secret in filter(None, (who, password, unquote(password))):
        lines[0] = lines[0].replace(secret, "***")
    return lines[0][:200]


def worker() -> str:
    """This process, named so that another one on this machine can tell whether it still runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{psutil.Process().create_time():.0f}"


def gone(name: str) -> bool:
    """Whether `name`, as `worker` gave it, was a process of this machine and has ended; a number may have been reused.

    False where that cannot be known: another machine's process, or no such name.
    """
    host, _, numbers = name.partition(":")
    process, _, started = numbers.partition(":")
    if host != socket.gethostname() or not started:
        return False
    try:
        return bool(abs(psutil.Process(int(process)).create_time() - float(started)) > CLOCK_SECONDS)
    except psutil.NoSuchProcess:
        return True


def commit() -> tuple[str, bool]:
    """The commit of the code and whether the tree differs from it; `unknown` outside a repository."""

    def git(*words: str) -> str:
        return subprocess.run(
            ["git", "-C", str(Path(__file__).parent), *words], capture_output=True, text=True, check=False
        ).stdout

    return git("rev-parse", "HEAD").strip() or "unknown", bool(git("status", "--porcelain").strip())


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested sections as dotted names: `sft.learning_rate`."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found
