"""A real MLflow server on loopback."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

PATIENCE_SECONDS = 300
"""For a start or an end on a busy machine."""


@contextmanager
def serving(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[str]:
    """The address of a server whose database, artifacts and log lie in `folder`; it ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", *options, "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    own = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true", **(environment or {})}
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(command, cwd=folder, env=own, stdout=log, stderr=log, start_new_session=True)
    try:
        yield _answering(f"http://127.0.0.1:{port}", running, folder / "log")
    finally:
        os.killpg(running.pid, 15)
        running.wait(PATIENCE_SECONDS)


def _answering(url: str, running: "subprocess.Popen[bytes]", log: Path) -> str:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if requests.get(f"{url}/health", timeout=2).ok:
                return url
        except requests.ConnectionError:
            time.sleep(0.5)
    raise AssertionError(log.read_text()[-2000:])
