"""What the trainers of SFT and GRPO share: loading, arguments, optimizer and schedule, saves and resume."""

import shutil
from dataclasses import dataclass
from typing import Any, Literal

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.profile.method import TrainerSection
from rustml.training import memory, optim, resume, schedules
from rustml.training.best import BestCheckpoint
from rustml.training.job import Job
from rustml.training.methods import method_of
from rustml.training.methods.base import Method, model_shape, weight_count


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to train."""

    method: Method
    model: Any
    tokenizer: Any
    facts: dict[str, float]
    """Counts of weights, and the memory in GB that training needs before its first activation."""


def load(job: Job, section: TrainerSection, padding_side: Literal["left", "right"] = "right") -> Loaded:
    """The model and tokenizer of `job.parent`, prepared by the section's method.

    Raises InputError for a method that does not fit the model and for a dtype that cannot train, EnvironmentFault for
    too little memory; both before any weight is read.
    """
    if job.compute.dtype == "float16":
        raise InputError("compute.dtype: float16 does not train without loss scaling: choose bfloat16 or float32")
    method, shape = method_of(section.method), model_shape(job.parent)
    need = memory.needed(method, shape, section.optimizer, job.compute)
    memory.check(need, job.compute)
    facts = {
        "weights": float(weight_count(shape)),
        "trained_weights": float(method.trained_weights(shape)),
        "memory_gb": need.total / memory.GB,
    }
    torch.manual_seed(job.seed)
    tokenizer = checkpoint.load_tokenizer(job.parent, padding_side=padding_side)
    # On its device before the optimizer copies its masters, which have to lie where the gradients do.
    return Loaded(method, method.load(job.parent, job.compute), tokenizer, facts)


def optimisation(model: Any, section: TrainerSection, steps: int) -> tuple[optim.MasterWeights, Any]:
    """Optimizer and scheduler, as the trainers take them."""
    optimizer = optim.build(model, section.optimizer)
    return optimizer, schedules.schedule(optimizer, section.schedule, steps)


def shared_arguments(section: TrainerSection, job: Job, steps: int) -> dict[str, Any]:
    """Arguments of either trainer, each default that would change the numbers set by hand."""
    saves = {"save_strategy": "steps", "save_steps": section.save_steps, "save_total_limit": section.keep_checkpoints}
    return {
        "output_dir": str(job.scratch),
        "max_steps": steps,
        "max_grad_norm": section.clip_norm,
        "gradient_checkpointing": section.gradient_checkpointing,
        "bf16": False,  # the weights themselves have the dtype of the compute choice
        "use_cpu": job.compute.device == "cpu",
        "seed": job.seed,
        "logging_steps": section.log_steps,
        "report_to": [],
        "disable_tqdm": True,
        "log_level": "warning",
        "dataloader_pin_memory": job.compute.device != "cpu",
        **(saves if section.save_steps else {"save_strategy": "no"}),
    }


def on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """`arguments` for one GPU of this process, however many it sees.

    The trainer would else wrap the model in DataParallel: batches would grow with the number of GPUs and their order
    would be another one. Several GPUs take one process each.
    """
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def fit(trainer: Trainer, loaded: Loaded, job: Job, best: BestCheckpoint | None = None) -> dict[str, float]:
    """Train from the last whole save in `job.scratch` or from the start, write the checkpoint, return the facts.

    With `best` the checkpoint is the best one that it kept, else the last.
    """
    trainer.remove_callback(PrinterCallback)
    save = resume.last_save(job.scratch)
    trainer.train(resume_from_checkpoint=str(save) if save else None)
    if best is None:
        loaded.method.save(trainer.model, loaded.tokenizer, job)
        return loaded.facts
    shutil.copytree(best.chosen(), job.out)
    return loaded.facts | best.facts()
