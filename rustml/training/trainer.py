"""What the trainers of SFT and GRPO share: loading, arguments, optimizer and schedule, saves and resume."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from transformers import Trainer, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.profile.method import LoraSection, QloraSection, TrainerSection
from rustml.profile.optimizer import AdamW8bitSection
from rustml.training import memory, optim, processes, resume, schedules, sharding
from rustml.training.best_folder import FOLDER, BestFolder
from rustml.training.job import Job
from rustml.training.machine_check import check_machine
from rustml.training.methods import method_of
from rustml.training.methods.base import Method, model_shape, weight_count
from rustml.training.preemption import saved_on_sigterm
from rustml.training.sharded_trainer import Sharded


class Kept(Protocol):
    """What kept the best checkpoint of a training."""

    def chosen(self) -> Path:
        """The folder of that checkpoint."""
        ...

    def facts(self) -> dict[str, float]:
        """Its step and score."""
        ...


def best_folder(loaded: "Loaded", job: Job, name: str = FOLDER) -> BestFolder:
    """Where the best checkpoint of a training is kept, written as the training's method writes it."""
    return BestFolder(
        job.scratch, lambda model, folder: loaded.method.save(model, loaded.tokenizer, replace(job, out=folder)), name
    )


class RollsBack(Kept, Protocol):
    """What may end a training that went wrong, and keeps the checkpoint from before."""

    @property
    def rolled_back(self) -> bool:
        """Whether it ended the training."""
        ...


@dataclass(frozen=True)
class Loaded:
    """A model that is ready to train."""

    method: Method
    model: Any
    tokenizer: Any
    shape: Any
    """The model without memory for weights."""
    facts: dict[str, float]
    """Counts of weights, and the memory in GB that training needs before its first activation."""


def load(job: Job, section: TrainerSection, padding_side: Literal["left", "right"] = "right") -> Loaded:
    """The model and tokenizer of `job.parent`, prepared by the section's method.

    Raises InputError for a method that does not fit the model and for a dtype that cannot train, EnvironmentFault for
    too little memory and for an optimizer that this machine cannot run; all before any weight is read.
    """
    check_machine(section.optimizer, job.compute.dtype, "optimizer")
    method, shape = method_of(section.method), model_shape(job.parent)
    need = memory.needed(method, shape, section.optimizer, job.compute)
    if is_sharded(job):
        _refuse_unsharded(section)
        need = need.shared(processes.world())
    memory.check(need, job.compute)
    facts = {
        "weights": float(weight_count(shape)),
        "trained_weights": float(method.trained_weights(shape)),
        "memory_gb": need.total / memory.GB,
    }
    torch.manual_seed(job.seed)
    tokenizer = checkpoint.load_tokenizer(job.parent, padding_side=padding_side)
    # On its device before the optimizer copies its masters, which have to lie where the gradients do.
    # Weights that are to be shared stay on the host: each process moves its own part.
    compute = replace(job.compute, device="cpu") if is_sharded(job) else job.compute
    return Loaded(method, method.load(job.parent, compute), tokenizer, shape, facts)


def optimisation(model: Any, section: TrainerSection, steps: int) -> tuple[optim.MasterWeights, Any]:
    """Optimizer and scheduler, as the trainers take them."""
    optimizer = optim.build(model, section.optimizer)
    return optimizer, schedules.schedule(optimizer, section.schedule, steps)


def build(
    kind: type[Trainer], loaded: Loaded, section: TrainerSection, job: Job, steps: int, **options: Any
) -> Trainer:
    """A trainer of `kind` for the model, with the profile's optimizer and schedule; `options` are the trainer's own."""
    if is_sharded(job):
        sharding.shard(loaded.model, job.compute.device)
        kind = type(f"Sharded{kind.__name__}", (Sharded, kind), {})
    optimizers = optimisation(loaded.model, section, steps)
    return kind(model=loaded.model, processing_class=loaded.tokenizer, optimizers=optimizers, **options)


def is_sharded(job: Job) -> bool:
    """Whether several processes share the weights."""
    return job.strategy == "fsdp" and processes.world() > 1


def _refuse_unsharded(section: TrainerSection) -> None:
    """Raises InputError for a method or an optimizer whose own kinds of tensors cannot be cut."""
    if isinstance(section.method, QloraSection):
        raise InputError("launch.strategy: fsdp cannot cut weights in 4 bits: choose ddp, or method lora")
    if isinstance(section.method, LoraSection) and section.method.dora:
        raise InputError(
            "launch.strategy: fsdp cuts the rows whose lengths DoRA trains: choose ddp, or method.dora=false"
        )
    if isinstance(section.optimizer, AdamW8bitSection):
        raise InputError("launch.strategy: fsdp cannot cut the state of 8-bit optimizers: choose ddp, or adamw")


def _distribution() -> dict[str, Any]:
    """Arguments of a training in several processes; none for one.

    No weight is unused in a step. Buffers, such as rotary frequencies, do not change: sending them at each forward pass
    would hang where processes take different numbers of these.
    """
    if processes.world() == 1:
        return {}
    timeout = int(processes.TIMEOUT.total_seconds())
    return {"ddp_timeout": timeout, "ddp_find_unused_parameters": False, "ddp_broadcast_buffers": False}


def shared_arguments(section: TrainerSection, job: Job, steps: int) -> dict[str, Any]:
    """Arguments of either trainer, each default that would change the numbers set by hand."""
    saves = {"save_strategy": "steps", "save_steps": section.save_steps, "save_total_limit": section.keep_checkpoints}
    return {
        "output_dir": str(job.scratch),
        "max_steps": steps,
        "max_grad_norm": section.clip_norm,
        "gradient_checkpointing": section.gradient_checkpointing,
        "bf16": False,  # the weights themselves have the dtype of the compute choice
        # What stays in fp32 beside them, such as adapters, is multiplied in TF32. Weights in fp32 are not.
        "tf32": True if job.compute.device == "cuda" and job.compute.dtype == "bfloat16" else None,
        "use_cpu": job.compute.device == "cpu",
        "seed": job.seed,
        "logging_steps": section.log_steps,
        "report_to": [],
        "disable_tqdm": True,
        "log_level": "warning",
        "dataloader_pin_memory": job.compute.device != "cpu",
        **(saves if section.save_steps else {"save_strategy": "no"}),
        **_distribution(),
    }


def on_one_device(arguments: TrainingArguments) -> TrainingArguments:
    """`arguments` for one GPU of this process, however many it sees.

    The trainer would else wrap the model in DataParallel: batches would grow with the number of GPUs and their order
    would be another one. Several GPUs take one process each.
    """
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def fit(
    trainer: Trainer, loaded: Loaded, job: Job, best: Kept | None = None, canary: RollsBack | None = None
) -> dict[str, float]:
    """Train from the last whole save in `job.scratch` or from the start, write the checkpoint, return the facts.

    With `best` the checkpoint is the best one that it kept, else the last; where `canary` ended the training, it is the
    one from before.
    """
    trainer.remove_callback(PrinterCallback)
    save = processes.shared(resume.last_save(job.scratch) if processes.writes() else None)
    with saved_on_sigterm(trainer):
        trainer.train(resume_from_checkpoint=str(save) if save else None)
    facts = loaded.facts | (canary.facts() if canary else {})
    kept = canary if canary and canary.rolled_back else best
    if kept is None:
        loaded.method.save(trainer.model, loaded.tokenizer, job)
        return facts
    if processes.writes():
        shutil.copytree(kept.chosen(), job.out)
    return facts | kept.facts()
