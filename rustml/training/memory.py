"""The memory that a training needs before its first activation, reckoned from the model's shape."""

from dataclasses import dataclass
from typing import Any

import psutil
import torch

from rustml.errors import EnvironmentFault
from rustml.models.compute import Compute
from rustml.profile.optimizer import OptimizerSection
from rustml.training.methods.base import Method
from rustml.training.optim import BYTES_PER_WEIGHT

GB = 1e9


@dataclass(frozen=True)
class Memory:
    """Bytes by what they hold."""

    held: float
    """Weights that forward and backward read."""
    trained: float
    """Weights that the method adds, gradients, masters and the optimizer's state."""

    @property
    def total(self) -> float:
        """All of it."""
        return self.held + self.trained


def needed(method: Method, shape: Any, optimizer: OptimizerSection, compute: Compute) -> Memory:
    """Memory of weights, gradients, masters and optimizer state; activations come on top."""
    dtype, trained = method.trained_dtype(compute), method.trained_weights(shape)
    added = 0 if trained == sum(weight.numel() for weight in shape.parameters()) else dtype.itemsize
    # Masters cost 4 bytes, and 4 more for their gradients while a step is taken.
    masters = 8 if optimizer.masters and dtype != torch.float32 else 0
    state = BYTES_PER_WEIGHT[type(optimizer)]
    return Memory(method.held_bytes(shape, compute), trained * (added + dtype.itemsize + masters + state))


def check(memory: Memory, compute: Compute) -> None:
    """Raises EnvironmentFault where the device has less free memory than `memory` asks for."""
    free = float(psutil.virtual_memory().available if compute.device == "cpu" else torch.cuda.mem_get_info()[0])
    if memory.total > free:
        raise EnvironmentFault(
            f"training needs {memory.total / GB:.1f} GB before its first activation, {memory.held / GB:.1f} GB of "
            f"weights and {memory.trained / GB:.1f} GB to train them; {compute.device} has {free / GB:.1f} GB free: "
            "choose method lora or qlora, an 8-bit optimizer, or optimizer.masters: false"
        )
