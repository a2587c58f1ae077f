"""A check of retention during reinforcement learning: where it falls, training ends with the last good checkpoint.

What is compared with is the model that training starts from. Gates measure retention as well, on other items and after
the training; this one costs little, and saves the steps after the harm.
"""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import TrainerControl, TrainerState

from rustml.errors import RustmlError
from rustml.io import write_bytes
from rustml.judge.judging import Judging
from rustml.profile.grpo import CanarySection, GrpoSection
from rustml.records import Problem
from rustml.training import data, processes, sharding
from rustml.training.best import Measure, pass_rate
from rustml.training.best_folder import BestFolder
from rustml.training.callback import Callback, evaluation_mode
from rustml.training.job import Log
from rustml.training.validation import tally

log = logging.getLogger(__name__)
KEPT, STATE = "canary", "canary-state.json"
"""Name of the kept checkpoint, and file of the state, in a training's scratch folder."""
ROUNDING = 1e-9
"""A fall by the margin itself, in floating point, holds."""
CONTEXT = 2048
"""Tokens of the longest reference answer, with its question, whose loss is measured."""


class Canary(Callback):
    """Measures before training, every so many steps and after the last, and keeps each earlier checkpoint that holds.

    `measure` returns a value of which more is better.
    """

    def __init__(self, measure: Measure, kept: BestFolder, section: CanarySection, scratch: Path, report: Log) -> None:
        self._measure, self._kept, self._section, self._log = measure, kept, section, report
        self._state = scratch / STATE
        self._start = 0.0
        self._value = 0.0
        self.reason = ""
        """Why it ended the training; empty where it did not."""

    @property
    def rolled_back(self) -> bool:
        """Whether it ended the training."""
        return bool(self.reason)

    def at_start(self, model: Any, state: TrainerState) -> None:
        """Measure what training starts from; a resumed training finds what was measured then."""
        if state.global_step and self._state.is_file():
            self._start = float(json.loads(self._state.read_bytes())["start"])
        else:
            self._start = self._measured(model)
            self._log(0, {"canary": self._start})
        self._note()

    def at_step(self, model: Any, state: TrainerState, control: TrainerControl) -> None:
        """Measure where it is time to. Raises RustmlError where no earlier checkpoint of the training held."""
        step = state.global_step
        if step % self._section.every and step < state.max_steps:
            return
        self._value = self._measured(model)
        self._log(step, {"canary": self._value})
        if self._start - self._value <= self._section.margin + ROUNDING:
            if step < state.max_steps:
                self._kept.keep(model, step, self._value)
            return
        self.reason = self._told(step)
        self._note()
        if not self._kept.step():
            raise RustmlError(f"{self.reason}; no checkpoint of this training held, and no version is registered")
        log.warning("%s; the checkpoint of step %d counts", self.reason, self._kept.step())
        control.should_training_stop = True

    def chosen(self) -> Path:
        """The folder of the last checkpoint that held."""
        return self._kept.folder

    def facts(self) -> dict[str, float]:
        """Whether it ended the training, what it measured first and last, and the step that it kept."""
        return {
            "canary.rolled_back": float(self.rolled_back),
            "canary.start": self._start,
            "canary.last": self._value,
            "canary.step": float(self._kept.step()),
        }

    def _told(self, step: int) -> str:
        section = self._section
        values = f"from {self._start:.3g} to {self._value:.3g}"
        if section.measure == "loss":
            values = f"as the loss rose from {-self._start:.3g} to {-self._value:.3g}"
        return (
            f"grpo ended at step {step}: retention on {section.problems} problems of {section.file} fell {values} "
            f"(grpo.canary.margin: {section.margin:g})"
        )

    def _note(self) -> None:
        if processes.writes():
            write_bytes(self._state, json.dumps({"start": self._start, "reason": self.reason}).encode())

    def _measured(self, model: Any) -> float:
        with evaluation_mode(model):
            return self._measure(model)


def reason(scratch: Path) -> str:
    """Why the canary ended the training in this folder; empty where it did not."""
    path = scratch / STATE
    return str(json.loads(path.read_bytes())["reason"]) if path.is_file() else ""


def measure_of(section: GrpoSection, tokenizer: Any, problems: Sequence[Problem], judge: Judging) -> Measure:
    """What the profile measures, more being better: the pass rate, or the loss with its sign turned."""
    if section.canary.measure == "pass":
        return pass_rate(tokenizer, problems, judge, section.max_new_tokens)
    return negative_loss(tokenizer, problems)


def negative_loss(tokenizer: Any, problems: Sequence[Problem]) -> Callable[[Any], float]:
    """Minus the nats per token of the reference answers, which processes share; those longer than CONTEXT are left
    out."""
    rows = processes.dealt(data.encode(tokenizer, data.solved(problems), CONTEXT)[0])

    def measure(model: Any) -> float:
        with sharding.unsharded(model):
            own = tally(model, rows, tokenizer.pad_token_id)
        nats, tokens = processes.summed(own.nats, own.tokens)
        return -nats / max(1, tokens)

    return measure
