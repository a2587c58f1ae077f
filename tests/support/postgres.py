"""A real PostgreSQL server for a test, and a tracking store in a database of its own for each test.

PostgreSQL does not run as root: there it runs as `nobody`.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

VARIABLE = "RUSTML_TEST_POSTGRES"
"""Names a server to the tests of stores, which then work on it in the place of SQLite."""
USER, TEMPLATE = "rustml", "empty_store"
UNPRIVILEGED = "nobody"
START_SECONDS = 120.0


def programs() -> Path:
    """The folder of the newest `initdb`; skips the test where there is none."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: -int(each.parent.name))
    in_path = shutil.which("initdb")
    candidates = [*folders, *([Path(in_path).resolve().parent] if in_path else [])]
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    pytest.skip("no PostgreSQL server: neither /usr/lib/postgresql/*/bin nor PATH has initdb (Debian: postgresql)")


@contextmanager
def running() -> Iterator[str]:
    """The URI of a new server on loopback; it ends with the block. Skips where program or driver are missing."""
    pytest.importorskip("psycopg", reason="no driver: `make setup` installs psycopg")
    folder, binaries = Path(tempfile.mkdtemp(prefix="rustml-postgres-")), programs()
    port, password = _free_port(), secrets.token_hex(8)
    (folder / "password").write_text(password)
    owner = UNPRIVILEGED if os.geteuid() == 0 else None
    if owner:
        for path in (folder, folder / "password"):
            shutil.chown(path, owner)
    try:
        data = ["-D", str(folder / "data")]
        access = ["-U", USER, "--auth=scram-sha-256", f"--pwfile={folder / 'password'}", "-E", "UTF8", "--no-sync"]
        _call([str(binaries / "initdb"), *data, *access], folder, owner)
        command = [str(binaries / "postgres"), *data, "-p", str(port), "-k", str(folder), "-c", "fsync=off"]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "max_connections=100"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(command, cwd=folder, user=owner, stdout=log, stderr=log)
        try:
            uri = f"postgresql://{USER}:{password}@127.0.0.1:{port}/postgres"
            _wait(uri, server, folder / "log")
            yield uri
        finally:
            server.send_signal(2)  # ends all connections at once
            server.wait(60)
    finally:
        shutil.rmtree(folder)


def fresh_database(uri: str) -> str:
    """URI of a new database that holds an empty tracking store: a copy of one that is made at the first call."""
    if not _execute(uri, f"SELECT 1 FROM pg_database WHERE datname = '{TEMPLATE}'"):
        from mlflow.tracking import MlflowClient

        _execute(uri, f"CREATE DATABASE {TEMPLATE}")
        made = _of(uri, TEMPLATE)
        MlflowClient(made, registry_uri=made).search_experiments()
    name = f"store_{secrets.token_hex(6)}"
    # What still reads the template would refuse the copy.
    _execute(uri, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{TEMPLATE}'")
    _execute(uri, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    return _of(uri, name)


def empty_database(uri: str) -> str:
    """URI of a new database without any table."""
    name = f"bare_{secrets.token_hex(6)}"
    _execute(uri, f"CREATE DATABASE {name}")
    return _of(uri, name)


def _of(uri: str, database: str) -> str:
    return f"{uri.rpartition('/')[0]}/{database}"


def _execute(uri: str, statement: str) -> list[tuple[object, ...]]:
    import psycopg

    with psycopg.connect(uri, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _call(command: list[str], folder: Path, owner: str | None) -> None:
    done = subprocess.run(command, cwd=folder, user=owner, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _wait(uri: str, server: "subprocess.Popen[bytes]", log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(uri, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text()[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
