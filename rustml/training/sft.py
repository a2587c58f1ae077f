"""Supervised fine-tuning through TRL, on records tokenised beforehand."""

from collections.abc import Sequence
from pathlib import Path

import torch
from datasets import Dataset
from transformers.trainer_callback import PrinterCallback
from trl import SFTConfig, SFTTrainer

from rustml.models import checkpoint
from rustml.profile.sft import SftSection
from rustml.training.batching import Row, ordered_rows
from rustml.training.optim import MuonAdamW, warmup_stable_decay
from rustml.training.trl_callback import Log, Reporter
from rustml.training.validation import NOTHING, HeldOut, Validator


def train(
    parent: Path,
    rows: Sequence[Row],
    section: SftSection,
    seed: int,
    out: Path,
    scratch: Path,
    log: Log,
    held_out: HeldOut = NOTHING,
) -> None:
    """Fine-tune the checkpoint `parent` on `rows`, measure it on `held_out`, and write the result to `out`.

    `scratch` holds what the trainer writes on its way.
    """
    torch.manual_seed(seed)
    tokenizer = checkpoint.load_tokenizer(parent)
    # On its device before the optimizer copies its masters, which have to lie where the gradients do.
    model = checkpoint.load_model(parent, dtype="bfloat16", attention="eager")
    optimizer = MuonAdamW(
        model,
        muon_lr=section.optimizer.muon_learning_rate,
        adamw_lr=section.optimizer.adamw_learning_rate,
        weight_decay=section.optimizer.weight_decay,
    )
    schedule = warmup_stable_decay(
        optimizer, section.steps, warmup=section.optimizer.warmup_steps, decay=section.optimizer.decay_share
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments(section, seed, scratch),
        train_dataset=dataset(ordered_rows(rows, section.batch_size, section.steps, seed)),
        processing_class=tokenizer,
        optimizers=(optimizer, schedule),
        callbacks=[Reporter(log), Validator(held_out, tokenizer.pad_token_id, section.validation.every, log)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    checkpoint.save(trainer.model, tokenizer, out)


def dataset(rows: Sequence[Row]) -> Dataset:
    """Rows as the columns `input_ids` and `labels`, which the trainer keeps as they are."""
    return Dataset.from_dict({"input_ids": [ids for ids, _ in rows], "labels": [labels for _, labels in rows]})


def arguments(section: SftSection, seed: int, scratch: Path) -> SFTConfig:
    """The trainer's arguments, each default that would change the numbers set by hand."""
    return SFTConfig(
        output_dir=str(scratch),
        max_steps=section.steps,
        per_device_train_batch_size=section.batch_size,
        max_length=section.context,
        train_sampling_strategy="sequential",
        packing=False,
        gradient_checkpointing=False,
        max_grad_norm=section.optimizer.clip_norm,
        bf16=False,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        shuffle_dataset=False,
        logging_steps=5,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        log_level="warning",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
