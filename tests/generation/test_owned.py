"""Processes of an engine end with the process that asked for them, however that one ends."""

import io
import os
import signal
import subprocess
import sys
import time
from multiprocessing import resource_tracker, shared_memory
from pathlib import Path

import psutil
import pytest

from rustml.generation import owned

ROOT = Path(__file__).resolve().parents[2]
CALLER = """
import subprocess, sys, time
from rustml.generation import owned
with owned.collected() as found:
    deep = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); sys.stdin.read()"
    engine = subprocess.Popen([sys.executable, '-c', deep], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    worker = int(engine.stdout.readline())
watch = owned.Watch(found)
print(engine.pid, worker, flush=True)
sys.stdin.readline()
watch.close()
print("closed", flush=True)
"""


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def eventually_gone(pids: list[int]) -> None:
    deadline = time.monotonic() + 30
    while not all(map(gone, pids)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def started() -> tuple["subprocess.Popen[str]", list[int]]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-c", CALLER]
    caller = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert caller.stdout is not None
    pids = [int(word) for word in caller.stdout.readline().split()]
    assert len(pids) == 2
    assert not any(map(gone, pids))
    return caller, pids


def test_a_killed_caller_takes_its_engine_and_the_engines_workers_with_it() -> None:
    caller, pids = started()
    with caller:
        caller.send_signal(signal.SIGKILL)
        eventually_gone(pids)


def test_closing_ends_what_the_library_left_running() -> None:
    caller, pids = started()
    with caller:
        printed, _ = caller.communicate("\n")
    assert printed == "closed\n"
    eventually_gone(pids)


def test_a_number_that_another_process_got_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        start = psutil.Process(other.pid).create_time()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        owned.main([f"{other.pid}:{start - 1}"])
        assert other.poll() is None
        owned.main([f"{other.pid}:{start}"])
        assert other.wait(30) == -signal.SIGKILL


def test_the_tracker_of_shared_memory_is_not_taken_for_a_process_of_the_library() -> None:
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]
    with owned.collected() as found:
        memory = shared_memory.SharedMemory(create=True, size=1)
    memory.close()
    memory.unlink()
    assert found == []
