"""Processes of an engine end with the process that asked for them, however that one ends."""

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from rustml.generation import owned

ROOT = Path(__file__).resolve().parents[2]
CALLER = """
import multiprocessing, subprocess, sys
from rustml.generation import owned

def engine(link):
    link.send(subprocess.Popen(['sleep', '60']).pid)
    link.poll(None)

context = multiprocessing.get_context('fork')
link, far = context.Pipe()
with owned.collected() as found:
    beside = subprocess.Popen(['sleep', '60'])
    process = context.Process(target=engine, args=(far,), daemon=True)
    process.start()
    worker = link.recv()
watch = owned.Watch(found)
print(process.pid, worker, beside.pid, flush=True)
sys.stdin.readline()
watch.close()
print("closed", beside.poll(), flush=True)
beside.kill()
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
    assert len(pids) == 3
    assert not any(map(gone, pids))
    return caller, pids


def test_a_killed_caller_takes_its_engine_and_the_engines_workers_with_it() -> None:
    caller, (engine, worker, beside) = started()
    with caller:
        caller.send_signal(signal.SIGKILL)
        eventually_gone([engine, worker])
    os.kill(beside, signal.SIGKILL)


def test_closing_ends_what_the_library_left_running_and_nothing_beside_it() -> None:
    caller, pids = started()
    with caller:
        printed, _ = caller.communicate("\n")
    assert printed == "closed None\n"
    eventually_gone(pids)


def test_a_number_that_another_process_got_meanwhile_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        start = psutil.Process(other.pid).create_time()
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO()))
        owned.main([f"{other.pid}:{start - 1}"])
        assert other.poll() is None
        owned.main([f"{other.pid}:{start}"])
        assert other.wait(30) == -signal.SIGKILL
