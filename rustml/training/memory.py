"""The memory that a training needs, reckoned from the model's shape before a weight is read."""

from dataclasses import dataclass
from typing import Any

import psutil
import torch

from rustml.errors import EnvironmentFault
from rustml.models.compute import Compute
from rustml.profile.optimizer import AdamW8bitSection, AdamWSection, MuonSection, OptimizerSection, SgdSection
from rustml.training.methods.base import Method, dtype_of
from rustml.training.methods.full import Full
from rustml.training.optim import is_hidden

GB = 1e9
MASTER = 4
"""Bytes of an fp32 master."""
EIGHT_BIT = 2 * (1 + 4 / 256)
"""Bytes per weight of two 8-bit moments, with one fp32 scale per 256."""


@dataclass(frozen=True)
class Memory:
    """Bytes by what they hold, without activations."""

    held: float
    """Weights that forward and backward read, in the base's precision."""
    adapters: float
    """Weights that the method adds."""
    gradients: float
    masters: float
    """fp32 copies of weights in another precision."""
    optimizer: float
    """The optimizer's state."""
    step: float
    """Only while a step is taken, when no activation is held: fp32 gradients of the masters, and temporaries."""

    @property
    def trained(self) -> float:
        """What training adds to the weights that are held."""
        return self.adapters + self.gradients + self.masters + self.optimizer + self.step

    def shared(self, parts: int) -> "Memory":
        """What each of so many processes holds that cut all of it among them."""
        return Memory(**{name: size / parts for name, size in vars(self).items()})

    @property
    def total(self) -> float:
        """All of it."""
        return self.held + self.trained


def needed(method: Method, shape: Any, optimizer: OptimizerSection, compute: Compute) -> Memory:
    """Memory of weights, gradients, masters and optimizer state; activations come on top."""
    dtype, trained = method.trained_dtype(compute), method.trained_weights(shape)
    copied = optimizer.masters and dtype != torch.float32
    width = MASTER if copied else dtype.itemsize
    hidden = _hidden_weights(shape) if isinstance(method, Full) else trained
    state, temporaries = _optimizer_bytes(optimizer, trained, hidden, width)
    return Memory(
        held=method.held_bytes(shape, compute),
        adapters=0.0 if isinstance(method, Full) else float(trained * dtype.itemsize),
        gradients=float(trained * dtype.itemsize),
        masters=float(trained * MASTER) if copied else 0.0,
        optimizer=state,
        step=temporaries + (trained * MASTER if copied else 0),
    )


def _optimizer_bytes(optimizer: OptimizerSection, trained: int, hidden: int, width: int) -> tuple[float, float]:
    """State, and temporaries of a step, of an optimizer whose numbers take `width` bytes.

    PyTorch's AdamW takes all weights at once and holds one temporary of each; Muon takes them one by one.
    """
    match optimizer:
        case AdamWSection():
            return 2.0 * width * trained, float(width * trained)
        case AdamW8bitSection():
            return EIGHT_BIT * trained, 0.0
        case MuonSection():
            rest = trained - hidden
            return float(width * (hidden + 2 * rest)), float(width * rest)
        case SgdSection():
            moments = width * trained if optimizer.momentum else 0
            return float(moments), float(width * trained if optimizer.weight_decay else 0)


def _hidden_weights(shape: Any) -> int:
    """Weights of the matrices that Muon updates."""
    return sum(weight.numel() for name, weight in shape.named_parameters() if is_hidden(name, weight.ndim))


def free_bytes(compute: Compute) -> float:
    """Free memory of this machine's device."""
    return float(psutil.virtual_memory().available if compute.device == "cpu" else torch.cuda.mem_get_info()[0])


def check(memory: Memory, compute: Compute) -> None:
    """Raises EnvironmentFault where the device has less free memory than `memory` asks for."""
    free = free_bytes(compute)
    if memory.total > free:
        raise EnvironmentFault(
            f"training needs {memory.total / GB:.1f} GB before its first activation, {memory.held / GB:.1f} GB of "
            f"weights and {memory.trained / GB:.1f} GB to train them; {compute.device} has {free / GB:.1f} GB free: "
            "choose method lora or qlora, an 8-bit optimizer, or optimizer.masters: false"
        )


def element_bytes(compute: Compute) -> int:
    """Bytes of a number of the compute choice."""
    return dtype_of(compute).itemsize
