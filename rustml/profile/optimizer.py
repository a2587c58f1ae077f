"""Profile section of optimizer and schedule."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Positive, Rate, Share


class OptimizerSection(Section, frozen=True):
    """Muon on hidden matrices, AdamW on the rest, warm-up/stable/decay."""

    muon_learning_rate: Rate
    adamw_learning_rate: Rate
    weight_decay: Annotated[float, Meta(ge=0)]
    warmup_steps: Positive
    decay_share: Share
    """The last share of the steps, over which the rate falls to zero."""
    clip_norm: Rate
    """Gradient norm above which gradients are scaled down."""
