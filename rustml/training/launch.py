"""Train in several processes: torchrun starts them, and this process, which holds the MLflow run, reads what they log.

A process per GPU, none of which loads MLflow: curves have one writer. docs/training.md has the commands of more than
one machine.
"""

import json
import logging
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from rustml import errors
from rustml.errors import InputError, RustmlError
from rustml.io import write_bytes
from rustml.profile.launch import LaunchSection
from rustml.training import worker
from rustml.training.job import Job

log = logging.getLogger(__name__)
Task = Callable[[Job], dict[str, float]]
"""Trains in the process that calls it, and returns the facts of the training. It is pickled."""
POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0
"""How long the other processes may go on after one of them failed."""
CODE = Path(__file__).resolve().parents[2]


def processes_here(section: LaunchSection) -> int:
    """Training processes on this machine: as the profile says, else one per visible GPU, and one without a GPU."""
    if section.processes:
        return section.processes
    import torch  # noqa: PLC0415  seconds to load

    return max(1, torch.cuda.device_count())


def world(section: LaunchSection) -> int:
    """Processes of all machines together."""
    return processes_here(section) * section.nodes


def check(section: LaunchSection, batch_size: int, key: str) -> int:
    """Processes of all machines together. Raises InputError where they cannot share a step of `batch_size` equally.

    `key` names the batch size in the profile.
    """
    count = world(section)
    if batch_size % count:
        raise InputError(
            f"{count} processes (launch.processes on each of launch.nodes) cannot share a step of {batch_size} "
            f"equally: set launch.processes, or {key} to a multiple of {count}"
        )
    return count


def train(task: Task, job: Job, section: LaunchSection) -> dict[str, float]:
    """Run `task` in as many processes as the profile says, in this one where that is one; return its facts.

    An interruption, as by SIGTERM, is passed on to the processes, which save and end. Raises what they raise, where it
    is an error of rustml, and RustmlError where one of them died.
    """
    count = processes_here(section)
    if count * section.nodes == 1:
        return task(job)
    folder = job.scratch / "launch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_bytes(folder / worker.TASK, pickle.dumps((task, replace(job, log=_silent, strategy=section.strategy))))
    (folder / worker.METRICS).touch()
    _say(section, count)
    with _started(command(section, count, folder)) as launcher:
        _follow(launcher, folder, job)
    return _facts(folder, launcher.returncode)


def command(section: LaunchSection, count: int, folder: Path | None, node: int = 0) -> list[str]:
    """The words that start the processes of one machine, of which the first is given the task's `folder`."""
    host, _, port = section.address.rpartition(":")
    meeting = ["--nnodes", str(section.nodes), "--node-rank", str(node), "--master-addr", host, "--master-port", port]
    words = [*meeting] if section.nodes > 1 else ["--standalone"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", *words, "--nproc-per-node", str(count)]
    return [*torchrun, "-m", worker.__name__, *([str(folder)] if folder else [])]


def _say(section: LaunchSection, count: int) -> None:
    log.warning("training in %d processes on each of %d machines (%s)", count, section.nodes, section.strategy)
    for node in range(1, section.nodes):
        words = command(section, count, None, node)
        log.warning("machine %d of %d: %s", node + 1, section.nodes, " ".join(["python", *words[1:]]))


@contextmanager
def _started(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """The launcher, in a session of its own: Ctrl-C reaches this process alone, which passes it on."""
    path = os.pathsep.join(filter(None, [str(CODE), os.environ.get("PYTHONPATH")]))
    parent = f"{os.getpid()}:{psutil.Process().create_time()}"
    threads = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    environment = {**os.environ, "PYTHONPATH": path, worker.PARENT: parent, **threads}
    launcher = subprocess.Popen(words, env=environment, start_new_session=True)
    try:
        yield launcher
    except KeyboardInterrupt:
        _signal(launcher, signal.SIGTERM, recursive=False)
        launcher.wait()
        raise
    finally:
        _signal(launcher, signal.SIGKILL, recursive=True)
        launcher.kill()
        launcher.wait()


def _signal(launcher: subprocess.Popen[bytes], number: signal.Signals, *, recursive: bool) -> None:
    """Send a signal to the processes themselves: the launcher would give them half a minute to save.

    Only `recursive` reaches what they have started: a step that ends in order needs its judge.
    """
    try:
        children = psutil.Process(launcher.pid).children(recursive=recursive)
    except psutil.NoSuchProcess:
        return
    for child in children:
        try:
            child.send_signal(number)
        except psutil.NoSuchProcess:
            continue


def _follow(launcher: subprocess.Popen[bytes], folder: Path, job: Job) -> None:
    """Pass on what the processes log until they end, or until one of them has failed and the others had time to end."""
    deadline = float("inf")
    with (folder / worker.METRICS).open(encoding="utf-8") as lines:
        while launcher.poll() is None and time.monotonic() < deadline:
            _pass_on(lines.readlines(), job)
            if deadline == float("inf") and _errors(folder):
                deadline = time.monotonic() + GRACE_SECONDS
            time.sleep(POLL_SECONDS)
        _pass_on(lines.readlines(), job)


def _pass_on(lines: list[str], job: Job) -> None:
    for line in lines:
        step, metrics = json.loads(line)
        job.log(step, metrics)


def _facts(folder: Path, code: int | None) -> dict[str, float]:
    for file in _errors(folder):
        error = json.loads(file.read_bytes())
        if error["kind"] == "KeyboardInterrupt":
            raise KeyboardInterrupt
        raise getattr(errors, error["kind"])(error["text"])
    if not (folder / worker.FACTS).is_file():
        raise RustmlError(
            f"a training process died (exit code {code}); its messages are above. Run it again: it resumes"
        )
    facts: dict[str, float] = json.loads((folder / worker.FACTS).read_bytes())
    return facts


def _errors(folder: Path) -> list[Path]:
    return sorted(folder.glob(worker.ERROR.format(rank="*")))


def _silent(_step: int, _metrics: dict[str, float]) -> None:
    """In the place of the log of a job that is pickled."""
