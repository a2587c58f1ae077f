"""A server of the OpenAI API as a child process: started, waited for, and ended whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rustml.errors import EnvironmentFault
from rustml.profile.serve import ServeSection
from rustml.serving.engines import ENGINES

POLL_SECONDS = 0.5
STOP_SECONDS = 10.0
LOG_LINES = 15


def free_port(section: ServeSection) -> int:
    """The port to listen on. Raises EnvironmentFault when it is taken, before anything slow starts."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((section.host, section.port))
        except OSError as error:
            raise EnvironmentFault(
                f"cannot listen on {section.host}:{section.port} ({error.strerror}); "
                f"end what listens there, or set serve.port to another port or to 0 for a free one"
            ) from error
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    folder: Path, model: str, section: ServeSection, log: Path, waiting: Callable[[int], None]
) -> Iterator[str]:
    """Serve `folder` with the profile's engine, yield the URL of its OpenAI API, end server and children on leaving.

    `waiting` is called with the seconds waited so far. Raises EnvironmentFault, with the end of the server's log, when
    it ends or does not answer in time.
    """
    engine, port = ENGINES[section.engine], free_port(section)
    with log.open("wb") as sink:
        server = subprocess.Popen(
            engine.command(folder, model, section, port),
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **engine.environment(section)},
            start_new_session=True,
        )
        try:
            _wait(server, section, f"http://{section.host}:{port}{engine.health}", log, waiting)
            yield f"http://{section.host}:{port}/v1"
        finally:
            _stop(server)


def _wait(
    server: "subprocess.Popen[bytes]", section: ServeSection, health: str, log: Path, waiting: Callable[[int], None]
) -> None:
    started = time.monotonic()
    while time.monotonic() - started < section.startup_seconds:
        if server.poll() is not None:
            raise EnvironmentFault(f"the {section.engine} server ended with code {server.returncode}:\n{_tail(log)}")
        with contextlib.suppress(httpx.TransportError):
            # No proxy of the environment stands between this process and its child.
            if httpx.get(health, timeout=POLL_SECONDS, trust_env=False).is_success:
                return
        time.sleep(POLL_SECONDS)
        waiting(int(time.monotonic() - started))
    raise EnvironmentFault(
        f"the {section.engine} server did not answer within {section.startup_seconds:g} s:\n{_tail(log)}"
    )


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server's whole process group: its engine is a process of its own."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
