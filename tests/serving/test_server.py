"""The server as a child: told what is wrong, waited for, and never left behind."""

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import pytest

from rustml.errors import EnvironmentFault
from rustml.profile import load
from rustml.profile.serve import ServeSection
from rustml.serving import server
from rustml.serving.engines import vllm

SECTION = msgspec.structs.replace(load("tiny").serve, startup_seconds=20.0)
# Answers /health on the port that it is given, and starts a grandchild as vLLM starts its engine.
HEALTHY = """
import http.server, subprocess, sys
engine = subprocess.Popen(["sleep", "600"])
print("engine", engine.pid, flush=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()
"""
DEAF = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
engine = subprocess.Popen(["sleep", "600"])
print("engine", engine.pid, flush=True)
time.sleep(600)
"""
DYING = "import sys\nfor n in range(40): print('line', n)\nprint('no such model', file=sys.stderr)\nsys.exit(3)"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(server, "STOP_SECONDS", 1.0)


@contextmanager
def run(program: str, log: Path, section: ServeSection = SECTION) -> Iterator[str]:
    def command(_engine: object, _folder: Path, _model: str, _section: ServeSection, port: int) -> list[str]:
        return [sys.executable, "-c", program, str(port)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm.VllmServing, "command", command)
        with server.serving(log.parent, "toy", section, log, lambda _: None) as url:
            yield url


def engine_of(log: Path) -> int:
    return int(log.read_text().split("engine ")[1].split()[0])


def gone(pid: int) -> bool:
    for _ in range(50):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.1)
    return False


def test_a_healthy_server_is_yielded_and_ended_with_its_engine(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with run(HEALTHY, log) as url:
        assert url.startswith("http://127.0.0.1:")
        assert url.endswith("/v1")
        assert psutil.pid_exists(engine_of(log))
    assert gone(engine_of(log))


@pytest.mark.parametrize("error", [ValueError("in the body"), KeyboardInterrupt()])
def test_whatever_happens_meanwhile_nothing_is_left(error: BaseException, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(type(error)), run(HEALTHY, log):
        raise error
    assert gone(engine_of(log))


def test_a_proxy_of_the_environment_is_not_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with run(HEALTHY, tmp_path / "log"):
        pass


def test_a_server_that_ends_is_a_fault_with_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="ended with code 3") as error, run(DYING, tmp_path / "log"):
        pytest.fail("it never answered")
    assert "no such model" in str(error.value)
    assert "line 39" in str(error.value)
    assert "line 10\n" not in str(error.value), "the end of the log, not all of it"


def test_a_server_that_neither_answers_nor_listens_to_reason_is_killed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    section = msgspec.structs.replace(SECTION, startup_seconds=2.0)
    before = psutil.Process().children()  # fork servers of other tests
    with pytest.raises(EnvironmentFault, match="within 2 s"), run(DEAF, log, section):
        pytest.fail("it never answered")
    assert gone(engine_of(log))
    left = [child for child in psutil.Process().children() if child not in before]
    assert not [child for child in left if child.status() != psutil.STATUS_ZOMBIE]


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        section = msgspec.structs.replace(SECTION, port=port)
        with pytest.raises(EnvironmentFault, match=rf"127\.0\.0\.1:{port} .*serve\.port"):
            server.free_port(section)
        with pytest.raises(EnvironmentFault), run(HEALTHY, tmp_path / "log", section):
            pytest.fail("the port is taken")
    assert not (tmp_path / "log").exists()
    assert server.free_port(section) == port, "free again"


def test_a_free_port_is_free() -> None:
    port = server.free_port(SECTION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


@pytest.mark.parametrize("host", ["203.0.113.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_a_fault(host: str) -> None:
    with pytest.raises(EnvironmentFault, match=host):
        server.free_port(msgspec.structs.replace(SECTION, host=host))
