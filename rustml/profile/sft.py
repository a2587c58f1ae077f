"""Profile section of supervised fine-tuning."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.method import TrainerSection
from rustml.profile.sources import Source, ValidationSection, refuse_shares
from rustml.profile.types import Positive


class SftSection(TrainerSection, frozen=True):
    """Supervised fine-tuning on Rust pairs, with anchors against forgetting."""

    sources: Annotated[dict[str, Source], Meta(min_length=1)]
    """What is trained on, by a name under which its rows are counted."""
    validation: ValidationSection
    batch_size: Positive
    """Records per step."""
    micro_batch: Positive | None
    """Records per forward and backward pass, a divisor of `batch_size`; fewer take less memory. Null: `batch_size`."""
    context: Positive
    """Longer records are left out, and counted."""
    packing: bool
    """Fill sequences of `context` tokens with several records each, which do not see each other: no padding, and fewer,
    fuller steps. `batch_size` and `micro_batch` then count sequences; without FlashAttention a `micro_batch` of 1 keeps
    the attention mask small."""

    def __post_init__(self) -> None:
        """Raises ValueError for shares that cannot be, and for a step that does not fall into equal parts."""
        super().__post_init__()
        refuse_shares(self.sources)
        if self.micro_batch is not None and self.batch_size % self.micro_batch:
            raise ValueError(f"micro_batch ({self.micro_batch}) must divide batch_size ({self.batch_size})")
