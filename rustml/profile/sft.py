"""Profile section of supervised fine-tuning."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.optimizer import OptimizerSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive


class SftSection(Section, frozen=True):
    """Supervised fine-tuning on Rust pairs, with anchors against forgetting."""

    family_pairs: Count
    """Rust tasks of the families, the first ones of the bank."""
    crate_pairs: Count
    """Pairs from real crates, at most."""
    anchor_share: Annotated[float, Meta(ge=0, lt=1)]
    """Share of Python anchors in the mix."""
    steps: Positive
    batch_size: Positive
    """Records a step."""
    context: Positive
    """Longer records are left out, and counted."""
    optimizer: OptimizerSection
