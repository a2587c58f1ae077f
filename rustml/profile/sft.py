"""Profile section of supervised fine-tuning."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.optimizer import OptimizerSection
from rustml.profile.section import Section
from rustml.profile.sources import Source, ValidationSection, refuse_shares
from rustml.profile.types import Positive


class SftSection(Section, frozen=True):
    """Supervised fine-tuning on Rust pairs, with anchors against forgetting."""

    sources: Annotated[dict[str, Source], Meta(min_length=1)]
    """What is trained on, by a name under which its rows are counted."""
    validation: ValidationSection
    steps: Positive
    batch_size: Positive
    """Records a step."""
    context: Positive
    """Longer records are left out, and counted."""
    optimizer: OptimizerSection

    def __post_init__(self) -> None:
        """Refuse shares that cannot be."""
        refuse_shares(self.sources)
