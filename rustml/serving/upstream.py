"""An engine as a child process behind a Unix socket: started, waited for, and ended on every path.

The socket lies in a folder of this user alone, so that nothing but our own front reaches the engine, whose server has
paths that no key guards.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from rustml.errors import EnvironmentFault
from rustml.profile.serve import ServeSection
from rustml.serving.engines import ENGINES

POLL_SECONDS = 0.5
STOP_SECONDS = 10.0
LOG_LINES = 15
LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path (sun_path in unix(7), less its end)."""
SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL|_KEY", re.IGNORECASE)
"""Environment variables that an engine does not get: it works without a hub, a store and clients' keys."""


@dataclass(frozen=True)
class Upstream:
    """A running engine."""

    version: str
    """What it serves, as access log and response header name it."""
    socket: Path
    process: "subprocess.Popen[bytes]"
    log: Path

    def check(self) -> None:
        """Raises EnvironmentFault, with the end of its log, where it has ended."""
        if self.process.poll() is not None:
            raise EnvironmentFault(f"the server ended with code {self.process.returncode}:\n{_tail(self.log)}")


@contextmanager
def serving(
    folder: Path, model: str, section: ServeSection, log: Path, waiting: Callable[[int], None], version: str = ""
) -> Iterator[Upstream]:
    """Serve `folder` with the profile's engine under the name `model`, end it and its children on leaving.

    `waiting` is called with the seconds waited so far. Raises EnvironmentFault, with the end of the engine's log, when
    it ends or does not answer in time.
    """
    engine = ENGINES[section.engine]
    with tempfile.TemporaryDirectory(prefix="rustml-") as private, log.open("wb") as sink:
        socket = Path(private) / "engine.sock"
        if len(os.fsencode(socket)) > LONGEST_SOCKET:
            raise EnvironmentFault(f"{socket} is too long for a socket; set TMPDIR to a folder with a shorter path")
        words = engine.command(folder, model, section, socket)
        environment = engine_environment(os.environ, engine.environment(section))
        process = _start(words, environment, sink)
        upstream = Upstream(version, socket, process, log)
        try:
            _wait(upstream, section, engine.health, waiting)
            yield upstream
        finally:
            _stop(process)


def engine_environment(inherited: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """The engine's environment: what this process has, less what may hold a secret, and the engine's own variables."""
    return {**{name: text for name, text in inherited.items() if not SECRET.search(name)}, **own}


def _start(words: list[str], environment: dict[str, str], sink: BinaryIO) -> "subprocess.Popen[bytes]":
    supervisor = [sys.executable, "-m", "rustml.serving.supervisor", str(STOP_SECONDS)]
    root = Path(__file__).resolve().parents[2]  # the package may be a folder that is not installed
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(root), environment.get("PYTHONPATH", ""))))
    environment["PYTHONUNBUFFERED"] = "1"  # else output comes after errors that it preceded, and hides them in the tail
    return subprocess.Popen(
        [*supervisor, *words],
        stdin=subprocess.PIPE,
        stdout=sink,
        stderr=subprocess.STDOUT,
        env=environment,
        start_new_session=True,
    )


def _wait(upstream: Upstream, section: ServeSection, health: str, waiting: Callable[[int], None]) -> None:
    started = time.monotonic()
    transport = httpx.HTTPTransport(uds=str(upstream.socket))
    with httpx.Client(transport=transport, trust_env=False) as asking:
        while time.monotonic() - started < section.startup_seconds:
            upstream.check()
            with suppress(httpx.TransportError):
                if upstream.socket.exists() and asking.get(f"http://engine{health}", timeout=POLL_SECONDS).is_success:
                    return
            time.sleep(POLL_SECONDS)
            waiting(int(time.monotonic() - started))
    raise EnvironmentFault(
        f"the {section.engine} server did not answer within {section.startup_seconds:g} s:\n{_tail(upstream.log)}"
    )


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _stop(supervisor: "subprocess.Popen[bytes]") -> None:
    """Close the supervisor's input, upon which it ends the engine's group, and wait for it."""
    assert supervisor.stdin is not None
    supervisor.stdin.close()
    supervisor.wait()
