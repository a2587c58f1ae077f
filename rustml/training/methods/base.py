"""The interface of a training method, and the shape of a model without its weights."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM

from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.models.loading import adapter_base, load_config
from rustml.training.job import Job


class Method(ABC):
    """One way to train a model."""

    @abstractmethod
    def __init__(self, section: Any) -> None:
        """Take the method's own section of the profile."""

    @abstractmethod
    def trained_weights(self, shape: Any) -> int:
        """How many weights train in a model of this shape, as `model_shape` returns it.

        Raises InputError where the method does not fit the model.
        """

    @abstractmethod
    def held_bytes(self, shape: Any, compute: Compute) -> float:
        """Memory of the weights that forward and backward read, without those that only the method adds."""

    @abstractmethod
    def load(self, parent: Path, compute: Compute) -> Any:
        """The model in `parent`, on its device, ready to train: exactly the weights that train require gradients."""

    @abstractmethod
    def save(self, model: Any, tokenizer: Any, job: Job) -> None:
        """Write the trained model to `job.out` as a checkpoint of the kind that the method makes."""

    def trained_dtype(self, compute: Compute) -> torch.dtype:
        """The precision of the weights that train."""
        return dtype_of(compute)


def dtype_of(compute: Compute) -> torch.dtype:
    """The torch type of a compute choice."""
    dtype = getattr(torch, compute.dtype)
    assert isinstance(dtype, torch.dtype)
    return dtype


def model_shape(parent: Path) -> Any:
    """The model in `parent`, of an adapter its base, with all layers and no memory for weights (device `meta`)."""
    described = checkpoint.read(parent)
    if described.base is not None:
        return model_shape(adapter_base(parent, described.base))
    config = load_config(parent)
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def weight_count(shape: Any) -> int:
    """Weights of a model; tied ones count once."""
    return sum(weight.numel() for weight in shape.parameters())
