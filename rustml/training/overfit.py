"""Overfit one batch: a training that cannot learn eight records by heart has a fault."""

import itertools
import math
from collections.abc import Sequence

import msgspec
from transformers.trainer_callback import PrinterCallback

from rustml.profile.optimizer import ConstantSection
from rustml.profile.sft import SftSection
from rustml.profile.sources import ValidationSection
from rustml.training.batching import IGNORED, Row
from rustml.training.job import Job
from rustml.training.packing import packed_batches_per_epoch
from rustml.training.sft import in_order, trainer_of
from rustml.training.trainer import load
from rustml.training.validation import HeldOut, Validator

RECORDS, STEPS, EVERY = 8, 300, 10
"""Records of the batch, steps at most, and steps between two measurements."""
TARGET = 0.01
"""Nats per token, in evaluation mode."""


def batch(rows: Sequence[Row]) -> list[Row]:
    """The first rows with different prompts: of two answers to one question a model can learn only one.

    Of raw texts, which have no prompt, one is enough to have.
    """
    by_prompt: dict[tuple[int, ...], Row] = {}
    for ids, labels in rows:
        start = next((place for place, label in enumerate(labels) if label != IGNORED), len(labels))
        by_prompt.setdefault(tuple(ids[:start]), (ids, labels))
        if len(by_prompt) == RECORDS:
            break
    return list(by_prompt.values())


def section_for(section: SftSection, rows: Sequence[Row], world: int) -> tuple[SftSection, list[Row]]:
    """The section with one batch in the place of its data, at its full learning rate; and the rows of each step.

    Rows are repeated where so many processes would else not have one each.
    """
    step, trained_on = _step(section, rows, world)
    share, most = step // world, section.records_per_pass(world)
    changed = msgspec.structs.replace(
        section,
        steps=STEPS,
        epochs=None,
        batch_size=step,
        micro_batch=max(size for size in range(1, min(share, most) + 1) if share % size == 0),
        passes=None,
        schedule=ConstantSection(),
        validation=ValidationSection(every=EVERY, records=len(rows)),
        log_steps=EVERY,
        save_steps=0,
    )
    return changed, trained_on


def _step(section: SftSection, rows: Sequence[Row], world: int) -> tuple[int, list[Row]]:
    """Records of a step, or sequences of packed ones, a multiple of `world`; and the rows that fill it."""
    if not section.packing:
        size = world * math.ceil(len(rows) / world)
        return size, list(itertools.islice(itertools.cycle(rows), size))
    repeated = list(rows)
    while (sequences := packed_batches_per_epoch(repeated, section.context, 1, 0)) < world:
        repeated += rows
    return sequences // world * world, repeated


def train(rows: Sequence[Row], measured: Sequence[Row], section: SftSection, job: Job) -> dict[str, float]:
    """Train on `rows` until the loss on `measured` is under TARGET, or the section's steps are over; nothing is saved.

    Curves go to the job's log, the loss as `validation.loss`. Raises what `rustml.training.sft.train` raises.
    """
    assert section.steps
    loaded = load(job, section)
    records = HeldOut({"batch": measured}, [])
    validator = Validator(records, loaded.tokenizer.pad_token_id, section.validation, job.log, target=TARGET)
    trained_on = in_order(rows, section, section.steps, job.seed)
    trainer = trainer_of(loaded, section, job, section.steps, trained_on, validator)
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return loaded.facts


def advice(losses: Sequence[float]) -> str:
    """What a curve that does not come down to TARGET hints at."""
    first, last, lowest = losses[0], losses[-1], min(losses)
    if not all(map(math.isfinite, losses)) or last > 2 * first:
        return "the loss diverges: lower sft.optimizer.learning_rate, or sft.clip_norm"
    if lowest > 0.95 * first:
        return (
            "the loss does not move: raise sft.optimizer.learning_rate; if that changes nothing, no gradient reaches "
            "the weights that train (sft.method), or updates are rounded away (sft.optimizer.masters)"
        )
    if last > 1.5 * lowest:
        return "the loss is unsteady: lower sft.optimizer.learning_rate"
    if last > 0.95 * losses[-len(losses) // 4 - 1]:
        return (
            "the loss has stopped falling: more weights have to train (rank and target_modules of sft.method, or "
            "method full), or the labels cannot be learnt: look at the records, and at check=tokenizer"
        )
    return "the loss still falls: raise sft.optimizer.learning_rate"
