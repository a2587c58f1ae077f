"""Profile section of quantisation."""

from typing import Literal

from rustml.profile.section import Section


class QuantizeSection(Section, frozen=True):
    """How weights are quantised for serving."""

    producer: Literal["torchao", "compressed_tensors"]
    """What writes the weights. `compressed_tensors` writes `fp8_dynamic` alone, on any machine and file by file, in the
    form that vLLM recommends; activations are quantised where the hardware that serves it can."""
    scheme: Literal["fp8_weight_only", "fp8_dynamic", "int3_weight_only"]
    """`fp8_weight_only`: e4m3 weights, one scale per row; any machine. `fp8_dynamic`: activations too, one per token;
    torchao needs a GPU of compute capability 8.9 for it. `int3_weight_only`: too coarse on purpose, to show a gate
    at work."""

    def __post_init__(self) -> None:
        """Raise ValueError for a scheme that the producer does not write."""
        if self.producer == "compressed_tensors" and self.scheme != "fp8_dynamic":
            raise ValueError("producer compressed_tensors writes scheme fp8_dynamic alone")
