"""The engine as a child: told what is wrong, waited for, and never left behind."""

import os
import signal
import subprocess
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
from rustml.serving import supervisor, upstream
from rustml.serving.engines import vllm

SECTION = msgspec.structs.replace(load("tiny").serve, startup_seconds=20.0)
# Answers /health on the socket that it is given, and starts a grandchild as vLLM starts its engine.
HEALTHY = """
import http.server, socketserver, subprocess, sys
engine = subprocess.Popen(["sleep", "600"])
print("engine", engine.pid, flush=True)
class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()
    def address_string(self):
        return "unix"
socketserver.UnixStreamServer(sys.argv[1], Health).serve_forever()
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
    monkeypatch.setattr(upstream, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(upstream, "STOP_SECONDS", 0.5)


@contextmanager
def run(program: str, log: Path, section: ServeSection = SECTION) -> Iterator[upstream.Upstream]:
    def command(_engine: object, _folder: Path, _model: str, _section: ServeSection, socket: Path) -> list[str]:
        return [sys.executable, "-S", "-c", program, str(socket)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vllm.VllmServing, "command", command)
        with upstream.serving(log.parent, "toy", section, log, lambda _: None) as running:
            yield running


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
    with run(HEALTHY, log) as running:
        assert running.socket.parent.stat().st_mode & 0o777 == 0o700, "nobody else reaches its socket"
        running.check()
        assert psutil.pid_exists(engine_of(log))
    assert gone(engine_of(log))
    assert not running.socket.parent.exists()


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


def test_an_engine_that_ends_while_it_serves_is_a_fault_and_its_children_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with run(HEALTHY, log) as running:
        engine = engine_of(log)
        os.kill(psutil.Process(engine).ppid(), signal.SIGKILL)
        running.process.wait(10)
        with pytest.raises(EnvironmentFault, match="ended with code 137"):
            running.check()
    assert gone(engine)


@pytest.mark.parametrize("program", [HEALTHY, DEAF], ids=["listens", "deaf"])
def test_a_killed_parent_leaves_no_engine(program: str, tmp_path: Path) -> None:
    """The supervisor sees its input close, which no signal handler of the parent has to do."""
    words = [sys.executable, "-S", "-c", program, str(tmp_path / "socket")]
    parent = (
        "import subprocess, sys, time\n"
        f"words = [{sys.executable!r}, '-S', {supervisor.__file__!r}, '0.5', *sys.argv[1:]]\n"
        "child = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=1, start_new_session=True)\n"
        "time.sleep(600)\n"
    )
    started = subprocess.Popen([sys.executable, "-S", "-c", parent, *words], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    engine = int(started.stdout.readline().split()[1])
    started.kill()
    started.wait()
    assert gone(engine)
    started.stdout.close()


def test_the_supervisor_outlives_signals_to_its_group(tmp_path: Path) -> None:
    """systemd and Ctrl-C signal every process at once: the engine must go on while the front drains."""
    log = tmp_path / "log"
    with run(HEALTHY, log) as running:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(running.process.pid, number)
        running.check()
        assert psutil.pid_exists(engine_of(log))
    assert gone(engine_of(log))


def test_an_engine_gets_no_secrets() -> None:
    inherited = {"PATH": "/bin", "HF_TOKEN": "s", "RUSTML_API_KEY": "s", "MLFLOW_TRACKING_PASSWORD": "s", "VLLM_X": "1"}
    environment = upstream.engine_environment(inherited, {"VLLM_X": "2"})
    assert environment == {"PATH": "/bin", "VLLM_X": "2"}
