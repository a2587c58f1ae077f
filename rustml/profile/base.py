"""Profile section of the base model."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.optimizer import OptimizerSection, ScheduleSection, check_length
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Rate


class ArchitectureSection(Section, frozen=True):
    """Shape of a Qwen3 model trained from scratch."""

    vocabulary: Annotated[int, Meta(ge=300)]
    """Entries of the tokenizer; 256 bytes and 5 special tokens are among them."""
    hidden: Positive
    """Width of the residual stream."""
    layers: Positive
    feed_forward: Positive
    """Width inside the gated MLP."""
    heads: Positive
    """Attention heads; keys and values have as many."""
    head_dim: Positive
    context: Positive
    """Longest sequence, tokens."""


class BaseSection(Section, frozen=True):
    """Where the lifecycle starts: a pretrained checkpoint, or a small model trained here from scratch."""

    source: str
    """`scratch`, or a hub id or the path of a pretrained checkpoint."""
    revision: str
    """Commit of the hub repository; empty for a path or for `scratch`."""
    architecture: ArchitectureSection | None
    """For `scratch`; null otherwise."""
    optimizer: OptimizerSection | None
    """For `scratch`; null otherwise."""
    schedule: ScheduleSection | None
    """For `scratch`; null otherwise."""
    clip_norm: Rate
    """Gradient norm above which gradients are scaled down."""
    python_pairs: Count
    """Python tasks of the families that the base learns: it is to be a Python coder."""
    raw_rust: Count
    """Pieces of real Rust as plain text."""
    noisy_rust_pairs: Count
    """Rust tasks whose answer belongs to another task: they teach the form of an answer, not how to solve one."""
    steps: Positive | None
    """Updates of the weights; null where `epochs` says it, and where nothing is trained."""
    epochs: Rate | None
    """Passes over the data, rounded up to whole steps; null where `steps` says it, and where nothing is trained."""
    tokens_per_step: Count

    def __post_init__(self) -> None:
        """Refuse a `scratch` that lacks what it is made from or with."""
        if self.source == "scratch":
            needed = ("architecture", "optimizer", "schedule", "python_pairs", "tokens_per_step")
            missing = [name for name in needed if not getattr(self, name)]
            if missing:
                raise ValueError(f"with `source: scratch` these are needed: {', '.join(missing)}")
            check_length(self.steps, self.epochs)
