"""Profile section of quantisation."""

from typing import Literal

from rustml.profile.section import Section


class QuantizeSection(Section, frozen=True):
    """How weights are quantised for serving."""

    scheme: Literal["fp8_weight_only", "fp8_dynamic", "int3_weight_only"]
    """`fp8_weight_only`: e4m3 weights, one scale per row; any machine. `fp8_dynamic`: activations too, one per token;
    needs a GPU of compute capability 8.9. `int3_weight_only`: too coarse on purpose, to show a gate at work."""
