"""Profile section `compute`."""

from typing import Literal

from rustml.profile.section import Section


class ComputeSection(Section, frozen=True):
    """What models compute with, in training and in evaluation."""

    dtype: Literal["auto", "float32", "bfloat16", "float16"]
    """`auto`: bfloat16 where this machine's is faster by a fifth, else float32; measured once per machine."""
    attention: Literal["auto", "eager", "sdpa", "flash_attention_2"]
    """`auto`: plain or fused, whichever this machine runs faster on short sequences; above 1,024 tokens FlashAttention
    where a GPU and its package are, else fused."""
