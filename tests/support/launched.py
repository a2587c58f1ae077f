"""Trainings in several processes, and what may happen to them; the processes import this module by its name."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from zlib import crc32

import msgspec
import pytest
import torch

from rustml.errors import InputError
from rustml.generation import decoding
from rustml.judge.judging import Judging
from rustml.profile import load
from rustml.records import Problem, Verdict
from rustml.testing import FakeJudge, make_verdict
from rustml.training import best, processes, reward
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


def passing_judge() -> AbstractContextManager[Judging]:
    """A judge that compiles nothing."""
    return nullcontext(FakeJudge())


def judged_by_text(
    _judge: object, _problems: Sequence[Problem], answers: Sequence[str], **_: bool
) -> list[Verdict | None]:
    """Verdicts that depend on the text of an answer alone."""
    marks = [crc32(answer.encode()) % 3 for answer in answers]
    return [None if mark == 2 else make_verdict("x", ("passed", "wrong")[mark]) for mark in marks]


def drawn_by_place(_model: Any, *, input_ids: torch.Tensor, generation_config: Any, **_: Any) -> torch.Tensor:
    """Answers that depend on the prompt and the place among its answers alone, and not on the model."""
    pad, limit = generation_config.pad_token_id, generation_config.max_new_tokens
    rows, before, place = [], (), 0
    for prompt in input_ids.tolist():
        words = tuple(token for token in prompt if token != pad)
        place = place + 1 if words == before else 0
        before = words
        draw = torch.Generator().manual_seed(crc32(repr((words, place)).encode()))
        tokens = torch.randint(40, 300, (limit,), generator=draw)
        rows.append(tokens)
    return torch.cat([input_ids, torch.stack(rows)], dim=1)


def with_known_answers(task: Task, job: Job) -> dict[str, float]:
    """`task` of GRPO, whose answers and verdicts are `drawn_by_place` and `judged_by_text`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "generate", drawn_by_place)
        return with_known_verdicts(task, job)


def with_known_verdicts(task: Task, job: Job) -> dict[str, float]:
    """`task` of GRPO, whose verdicts are `judged_by_text`."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (best, reward):
            patch.setattr(module, "judge_completions", judged_by_text)
        return task(job)
