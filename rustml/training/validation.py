"""Loss and token accuracy on held-out records, before, during and after training."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import TrainerControl, TrainerState

from rustml import chat
from rustml.profile.sft import SftSection
from rustml.profile.sources import ValidationSection
from rustml.training import data, processes, sources
from rustml.training.batching import IGNORED, Row, cut_by_tokens
from rustml.training.best_folder import BestFolder
from rustml.training.callback import Callback, evaluation_mode
from rustml.training.job import Log
from rustml.training.pretrain import collate

BATCH_TOKENS = 2048
"""Tokens of one batch, padding included."""
BATCH_LOGITS = 2**27
"""Logits of one batch, half a GiB in fp32: those of a large vocabulary have to fit beside the optimizer's state."""


@dataclass(frozen=True)
class HeldOut:
    """Tokenised records that no training sees."""

    sources: Mapping[str, Sequence[Row]]
    """By source of the profile."""
    general: Sequence[Row]
    """Anchors."""

    def measure(self, model: Any, pad: int) -> dict[str, float]:
        """Metrics of both sets and of each source; of a set without records there are none. Loss is nats per token."""
        tallies = {f"validation.{name}": tally(model, rows, pad) for name, rows in self.sources.items()}
        tallies["validation"] = sum(tallies.values(), Tally())
        tallies["general"] = tally(model, self.general, pad)
        counted = {name: sums for name, sums in tallies.items() if sums.tokens}
        losses = {f"{name}.loss": sums.nats / sums.tokens for name, sums in counted.items()}
        return losses | {f"{name}.token_accuracy": sums.correct / sums.tokens for name, sums in counted.items()}


NOTHING = HeldOut({}, [])


@dataclass(frozen=True)
class Tally:
    """Sums over the tokens that carry loss."""

    nats: float = 0.0
    correct: int = 0
    """Tokens to which the model gives the highest probability."""
    tokens: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.nats + other.nats, self.correct + other.correct, self.tokens + other.tokens)


def held_out(
    tokenizer: chat.Tokenizer, section: SftSection, counts: Mapping[str, int], bank: Path, pairs: Path, seed: int
) -> HeldOut:
    """The validation records of a profile, its sources in the proportion of their training rows `counts`."""
    total = sum(counts.values())
    limits = {name: round(section.validation.records * count / max(1, total)) for name, count in counts.items()}
    texts = sources.validation_texts(section.sources, bank, pairs, seed)
    rows = {name: data.encode(tokenizer, records, section.context, limits[name])[0] for name, records in texts.items()}
    general = sources.general_texts(pairs, seed)
    return HeldOut(rows, data.encode(tokenizer, general, section.context, section.validation.records)[0])


@torch.no_grad()
def tally(model: Any, rows: Sequence[Row], pad: int) -> Tally:
    """Sums over rows, of a model in evaluation mode."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]))
    tokens = min(BATCH_TOKENS, BATCH_LOGITS // model.config.get_text_config().vocab_size)
    total = Tally()
    for group in cut_by_tokens(order, rows, tokens) if rows else ():
        ids, labels = (tensor.to(model.device) for tensor in collate([rows[index] for index in group], pad))
        targets = labels[:, 1:]
        labelled = targets != IGNORED
        logits = model(input_ids=ids, use_cache=False).logits[:, :-1][labelled].float()
        nats = functional.cross_entropy(logits, targets[labelled], reduction="sum")
        correct = (logits.argmax(-1) == targets[labelled]).sum()
        total += Tally(float(nats), int(correct), int(labelled.sum()))
    return total


class Validator(Callback):
    """Measures held-out records before training, every so many steps (0: never), and after it.

    With `best` it keeps the checkpoint of the lowest loss, and ends the training when `patience` measurements in a row
    have not lowered it. What training starts from is measured and never kept: it exists already. Training ends too when
    the loss falls under `target`.
    """

    def __init__(
        self,
        records: HeldOut,
        pad: int,
        section: ValidationSection,
        log: Log,
        best: BestFolder | None = None,
        target: float = 0.0,
    ) -> None:
        self._records, self._pad, self._section, self._log, self._best = records, pad, section, log, best
        self._target, self._measured = target, -1

    def at_start(self, model: Any, state: TrainerState) -> None:
        """Measure what training starts from."""
        self._measure(model, state.global_step)

    def at_step(self, model: Any, state: TrainerState, control: TrainerControl) -> None:
        """Measure in between; the last step is measured when training ends."""
        every, step = self._section.every, state.global_step
        if not every or step % every or step >= state.max_steps:
            return
        loss = self._measure(model, step)
        if processes.agreed(loss < self._target):
            control.should_training_stop = True
        if self._best and self._section.patience and step - self._best.step() >= self._section.patience * every:
            control.should_training_stop = True

    def at_end(self, model: Any, state: TrainerState) -> None:
        """Measure the result, which may have ended early: the last value of each curve."""
        if state.global_step != self._measured:
            self._measure(model, state.global_step)

    def chosen(self) -> Path:
        """The folder of the best checkpoint."""
        assert self._best is not None
        return self._best.folder

    def facts(self) -> dict[str, float]:
        """The step of the best checkpoint, and its loss."""
        assert self._best is not None
        return {"validation.best_step": float(self._best.step()), "validation.best_loss": -self._best.score()}

    def _measure(self, model: Any, step: int) -> float:
        """The loss on the sources' records; NaN where there are none."""
        with evaluation_mode(model):
            metrics = self._records.measure(model, self._pad)
        self._measured = step
        if metrics:
            self._log(step, metrics)
        loss = metrics.get("validation.loss", math.nan)
        # Each process has read the last score before the first one writes another.
        if self._best and step and processes.agreed(-loss > self._best.score()):
            self._best.keep(model, step, -loss)
        return loss
