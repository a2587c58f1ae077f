"""Full training: every weight trains."""

from pathlib import Path
from typing import Any

from torch import nn

from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.profile.method import FullSection
from rustml.training import processes, sharding
from rustml.training.job import Job
from rustml.training.methods.base import Method, dtype_of, weight_count

MULTIPLE = 16
"""By which both sides of a matrix have to divide where a GPU multiplies in FP8."""


class Full(Method):
    """All weights, in the precision of the compute choice; an adapter as parent is merged into its base."""

    def __init__(self, section: FullSection) -> None:
        self._section = section

    def trained_weights(self, shape: Any) -> int:
        """All of them."""
        return weight_count(shape)

    def held_bytes(self, shape: Any, compute: Compute) -> float:
        """2 bytes per weight in bf16, 4 in fp32."""
        return float(weight_count(shape) * dtype_of(compute).itemsize)

    def load(self, parent: Path, compute: Compute) -> Any:
        """The whole model."""
        model = checkpoint.load_model(parent, dtype=compute.dtype, attention=compute.attention, device=compute.device)
        model.requires_grad_(True)  # an adapter's merged base comes frozen
        return in_fp8(model, emulated=compute.device == "cpu") if self._section.fp8 else model

    def save(self, model: Any, tokenizer: Any, job: Job) -> None:
        """A full checkpoint, sharded where it is large."""
        state = sharding.whole_state(model)
        if processes.writes():
            checkpoint.save(model, tokenizer, job.out, state_dict=state)
        processes.barrier()


def in_fp8(model: Any, *, emulated: bool) -> Any:
    """`model` with linear layers that compute in FP8, forward and backward; the head and odd shapes stay as they are.

    Weights keep their precision and their names.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training  # noqa: PLC0415  seconds to load

    head = model.get_output_embeddings()

    def fits(layer: nn.Module, _name: str) -> bool:
        return (
            isinstance(layer, nn.Linear)
            and layer is not head
            and not any(side % MULTIPLE for side in layer.weight.shape)
        )

    return convert_to_float8_training(model, config=Float8LinearConfig(emulate=emulated), module_filter_fn=fits)
