"""Answers of the model before, during and after a training, written to files that others judge.

The training itself waits for no verdict: where it runs in processes of its own, it goes on while they are found.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from transformers import TrainerControl, TrainerState

from rustml.io import write_bytes
from rustml.training import greedy, processes
from rustml.training.callback import Callback, evaluation_mode
from rustml.training.job import Log

ANSWERED = "answered"
"""The metric that says that the answers of a step lie there."""


@dataclass(frozen=True)
class Asked:
    """What is asked while a training goes on."""

    instructions: Mapping[str, str] = field(default_factory=dict)
    """By a name under which the answer is found again."""
    every: int = 0
    """Steps from one time to the next; 0: once per epoch."""
    max_new_tokens: int = 1


NOTHING_ASKED = Asked()


def answers_file(scratch: Path, step: int) -> Path:
    """Where the answers of a step lie: a JSON object of names and texts."""
    return scratch / "answers" / f"{step:08}.json"


class Answerer(Callback):
    """Asks before training, every so many steps, and after the last one. `tokenizer` pads on the left."""

    def __init__(self, asked: Asked, every: int, tokenizer: Any, scratch: Path, log: Log) -> None:
        self._asked, self._every, self._tokenizer = asked, every, tokenizer
        self._scratch, self._log, self._last = scratch, log, -1

    def at_start(self, model: Any, state: TrainerState) -> None:
        """Ask what training starts from; a resumed training has done so."""
        if state.global_step == 0:
            self._ask(model, 0)

    def at_step(self, model: Any, state: TrainerState, control: TrainerControl) -> None:  # noqa: ARG002
        """Ask in between; the last step's model is asked when training ends."""
        if state.global_step % self._every == 0 and state.global_step < state.max_steps:
            self._ask(model, state.global_step)

    def at_end(self, model: Any, state: TrainerState) -> None:
        """Ask the result, which may have ended early."""
        if state.global_step != self._last:
            self._ask(model, state.global_step)

    def _ask(self, model: Any, step: int) -> None:
        names, self._last = list(self._asked.instructions), step
        questions = list(self._asked.instructions.values())
        with evaluation_mode(model):
            texts = greedy.answers(model, self._tokenizer, questions, self._asked.max_new_tokens)
        if processes.writes():
            file = answers_file(self._scratch, step)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(file, json.dumps(dict(zip(names, texts, strict=True))).encode())
            self._log(step, {ANSWERED: float(len(texts))})
