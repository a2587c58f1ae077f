"""Supervised fine-tuning through TRL, on records tokenised beforehand."""

from collections.abc import Sequence

from datasets import Dataset
from transformers import Trainer
from trl import SFTConfig, SFTTrainer

from rustml.models import checkpoint
from rustml.profile.sft import SftSection
from rustml.training import packing, processes
from rustml.training.batching import Row, fixed_batches_per_epoch, ordered_rows
from rustml.training.job import Job
from rustml.training.sampled_answers import NOTHING_ASKED, Answerer, Asked
from rustml.training.schedules import total_steps
from rustml.training.throughput import SpeedReporter, flops_per_token, padding_share
from rustml.training.trainer import Loaded, best_folder, build, fit, load, on_one_device, shared_arguments
from rustml.training.validation import NOTHING, HeldOut, Validator


def train(
    rows: Sequence[Row], section: SftSection, job: Job, held_out: HeldOut = NOTHING, asked: Asked = NOTHING_ASKED
) -> dict[str, float]:
    """Fine-tune the checkpoint `job.parent` on `rows`, measure it on `held_out`, and write the result to `job.out`.

    The model answers what is `asked` as it goes; `rustml.training.sampled_answers` says where the answers lie.

    Returns counts of weights, the memory that training needed before its first activation, and, of packed rows, the
    share of positions that hold a token. Raises what `rustml.training.trainer.load` raises, and InputError when the
    rows do not fill a batch.
    """
    steps = length(rows, section, job.seed)
    trained_on = in_order(rows, section, steps, job.seed)
    loaded = load(job, section)
    best = best_folder(loaded, job) if section.validation.keep_best else None
    validator = Validator(held_out, loaded.tokenizer.pad_token_id, section.validation, job.log, best)
    trainer = trainer_of(loaded, section, job, steps, trained_on, validator)
    if asked.instructions:
        left = checkpoint.load_tokenizer(job.parent, padding_side="left")
        every = asked.every or max(1, steps_per_epoch(rows, section, job.seed))
        trainer.add_callback(Answerer(asked, every, left, job.scratch, job.log))
    facts = fit(trainer, loaded, job, validator if best else None)
    return {**facts, **_filling(rows, section, steps, job.seed, trained_on)}


def trainer_of(
    loaded: Loaded, section: SftSection, job: Job, steps: int, trained_on: Dataset, validator: Validator
) -> Trainer:
    """TRL's trainer for so many steps on `trained_on`, with the profile's optimizer and schedule."""
    flops = flops_per_token(loaded.shape, int(loaded.facts["trained_weights"]), section.context)
    return build(
        SFTTrainer,
        loaded,
        section,
        job,
        steps,
        args=arguments(section, job, steps),
        train_dataset=trained_on,
        callbacks=[SpeedReporter(flops, job.compute, job.log), validator],
    )


def _filling(rows: Sequence[Row], section: SftSection, steps: int, seed: int, trained_on: Dataset) -> dict[str, float]:
    """Share of positions that hold a token, of packed rows, or that hold padding."""
    if section.packing:
        return {"packed_share": packing.real_share(trained_on, section.context)}
    size = section.records_per_pass(processes.world())
    return {"padding_share": padding_share(ordered_rows(rows, section.batch_size, steps, seed), size)}


def length(rows: Sequence[Row], section: SftSection, seed: int) -> int:
    """Steps of the training."""
    return section.steps or total_steps(None, section.epochs, steps_per_epoch(rows, section, seed))


def steps_per_epoch(rows: Sequence[Row], section: SftSection, seed: int) -> int:
    """Steps of one pass over the rows."""
    if section.packing:
        return packing.packed_batches_per_epoch(rows, section.context, section.batch_size, seed)
    return fixed_batches_per_epoch(rows, section.batch_size)


def tokens(rows: Sequence[Row], section: SftSection, steps: int) -> float:
    """Tokens that so many steps train on; of packed rows the positions, nearly all of which hold one."""
    size = section.context if section.packing else sum(len(ids) for ids, _ in rows) / len(rows)
    return float(steps * section.batch_size * size)


def in_order(rows: Sequence[Row], section: SftSection, steps: int, seed: int) -> Dataset:
    """The rows of all steps in the order in which they are trained on, packed where the section says so."""
    if section.packing:
        return packing.packed_dataset(rows, section.context, section.batch_size, steps, seed)
    return dataset(ordered_rows(rows, section.batch_size, steps, seed))


def dataset(rows: Sequence[Row]) -> Dataset:
    """Rows as the columns `input_ids` and `labels`, which the trainer keeps as they are."""
    return Dataset.from_dict({"input_ids": [ids for ids, _ in rows], "labels": [labels for _, labels in rows]})


def arguments(section: SftSection, job: Job, steps: int) -> SFTConfig:
    """The trainer's arguments: rows are taken in their order, neither packed nor shuffled by the trainer.

    Rows that are packed already lie one behind the other in one sequence per micro-batch, without padding.
    """
    config = SFTConfig(
        **shared_arguments(section, job, steps),
        per_device_train_batch_size=section.records_per_pass(processes.world()),
        gradient_accumulation_steps=section.passes_per_step(processes.world()),
        max_length=None if section.packing else section.context,
        padding_free=section.packing,
        torch_compile=section.compile,
        activation_offloading=section.offload_activations,
        train_sampling_strategy="sequential",
        packing=False,
        shuffle_dataset=False,
    )
    return on_one_device(config)
