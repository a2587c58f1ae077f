"""LoRA: low-rank adapters on frozen weights (Hu et al., 2022), through peft."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.models.checkpoint import Base
from rustml.models.compute import Compute
from rustml.profile.method import ALL_LINEAR, LoraSection, Modules, QloraSection
from rustml.training import processes, sharding
from rustml.training.job import Job
from rustml.training.methods.base import Method, dtype_of, weight_count

ADAPTER = "default"
"""The name by which peft holds the adapter that trains."""


class Lora(Method):
    """Adapters in fp32 on weights in the precision of the compute choice."""

    def __init__(self, section: LoraSection | QloraSection) -> None:
        self._section = section

    def trained_weights(self, shape: Any) -> int:
        """rank * (inputs + outputs) per adapted layer, with DoRA one per output more. Raises InputError for a target
        that the model lacks."""
        layers = target_layers(shape, self._section.target_modules).values()
        rank, lengths = self._section.rank, int(self._section.dora)
        return sum(rank * (layer.in_features + layer.out_features) + lengths * layer.out_features for layer in layers)

    def held_bytes(self, shape: Any, compute: Compute) -> float:
        """2 bytes per weight in bf16, 4 in fp32."""
        return float(weight_count(shape) * dtype_of(compute).itemsize)

    def trained_dtype(self, compute: Compute) -> torch.dtype:  # noqa: ARG002  the interface
        """peft makes adapters on half-precision weights in fp32."""
        return torch.float32

    def load(self, parent: Path, compute: Compute) -> Any:
        """A PeftModel with new adapters, whose output is zero before the first step."""
        model = checkpoint.load_model(parent, dtype=compute.dtype, attention=compute.attention, device=compute.device)
        return self.adapted(model)

    def adapted(self, model: Any) -> Any:
        """`model` frozen, with new adapters. Raises InputError for DoRA on rows of zeros."""
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415  seconds to load

        names = _names(self._section.target_modules)
        config = LoraConfig(
            r=self._section.rank,
            lora_alpha=self._section.alpha,
            lora_dropout=self._section.dropout,
            target_modules=names if names else ALL_LINEAR,
            use_rslora=self._section.rslora,
            use_dora=self._section.dora,
            task_type="CAUSAL_LM",
        )
        adapted = get_peft_model(model, config, adapter_name=ADAPTER)
        if self._section.dora:
            _check_lengths(adapted)
        return adapted

    def save(self, model: Any, tokenizer: Any, job: Job) -> None:
        """An adapter that names the job's parent and its digest; GRPO's copy for its KL penalty is left out."""
        for name in set(model.peft_config) - {ADAPTER}:
            model.delete_adapter(name)
        state = sharding.whole_state(model)
        if processes.writes():
            base = Base(name=job.parent_name or str(job.parent), digest=checkpoint.digest(job.parent))
            checkpoint.save(model, tokenizer, job.out, kind="adapter", base=base, state_dict=state)
        processes.barrier()


def _check_lengths(model: Any) -> None:
    """Raise InputError for a weight with rows of length 0: DoRA divides by it, and the loss would not be a number."""
    for name, lengths in model.named_parameters():
        if "lora_magnitude_vector" in name and (empty := int((lengths == 0).sum())):
            layer = name.partition(".lora_magnitude_vector")[0].removeprefix("base_model.model.")
            raise InputError(
                f"method.dora: {empty} of {lengths.numel()} rows of {layer} are zeros, by whose length DoRA divides: "
                "set dora to false, name other target_modules, or take a model that was trained"
            )


def target_layers(shape: Any, modules: Modules) -> Mapping[str, nn.Linear]:
    """The linear layers to adapt, by their path in the model.

    Raises InputError for the output head, whose adapter the trainers would not train, and for a name that no linear
    layer has.
    """
    head = shape.get_output_embeddings()
    layers = {
        name: layer for name, layer in shape.named_modules() if isinstance(layer, nn.Linear) and layer is not head
    }
    if not layers:
        raise InputError(
            f"method: {type(shape).__name__} has no linear layer that an adapter could be put on: choose kind full"
        )
    names = _names(modules)
    for name in names:
        if not any(_is_named(path, name) for path in layers):
            known = ", ".join(sorted({path.rpartition(".")[2] for path in layers}))
            raise InputError(
                f"method.target_modules: the model has no linear layer '{name}' that can be adapted; it has {known}; "
                f"or say {ALL_LINEAR}"
            )
    return {path: layer for path, layer in layers.items() if not names or any(_is_named(path, n) for n in names)}


def _names(modules: Modules) -> list[str]:
    """The names given; none for all linear layers."""
    words = modules.split(";") if isinstance(modules, str) else modules
    names = [name.strip() for name in words if name.strip()]
    if not names:
        raise InputError(f"method.target_modules is empty: name linear layers, or say {ALL_LINEAR}")
    return [] if names == [ALL_LINEAR] else names


def _is_named(path: str, name: str) -> bool:
    """As peft matches: the whole path, or its end after a dot."""
    return path == name or path.endswith(f".{name}")
