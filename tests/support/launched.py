"""Trainings in several processes, and what may happen to them; the processes import this module by its name."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace

import msgspec

from rustml.errors import InputError
from rustml.profile import load
from rustml.training import processes
from rustml.training.job import Job

Task = Callable[[Job], dict[str, float]]
DEFAULT = load("tiny").launch
ONE, DDP = (msgspec.structs.replace(DEFAULT, processes=count) for count in (1, 2))
FSDP = msgspec.structs.replace(DDP, strategy="fsdp")


def signalled(task: Task, number: signal.Signals, step: int, job: Job) -> dict[str, float]:
    """`task`, whose first process sends itself a signal when it has logged `step`."""

    def log(now: int, metrics: dict[str, float]) -> None:
        job.log(now, metrics)
        if now == step and processes.writes():
            os.kill(os.getpid(), number)

    return task(replace(job, log=log))


def refused(_job: Job) -> dict[str, float]:
    raise InputError("sft: a key of the profile is wrong")


def counted(job: Job) -> dict[str, float]:
    """How many processes there are, and whether they agree where only the last one is told something."""
    last = processes.rank() == processes.world() - 1
    agreed, shared = processes.agreed(last), processes.shared("first" if processes.writes() else "another")
    job.log(7, {"told": float(agreed)})
    return {"processes": float(processes.world()), "shared": float(shared == "first"), "agreed": float(agreed)}
