"""Profile sections of optimisation: optimizer, schedule and length, in one shape for base, SFT and GRPO."""

from typing import Annotated, ClassVar

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Rate, Share

Beta = Annotated[float, Meta(ge=0, lt=1)]
Decay = Annotated[float, Meta(ge=0)]


class _Rule(Section, frozen=True):
    libraries: ClassVar[tuple[str, ...]] = ()
    """Distributions that the optimizer needs beside the trainers' own; their versions are part of the stage's key."""
    learning_rate: Rate
    masters: bool = True
    """Update fp32 copies of bf16 weights, 4 bytes per trained weight: bf16 rounds small updates away. Weights in fp32
    are always updated in place."""


class _Adam(_Rule, frozen=True):
    weight_decay: Decay = 0.0
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Decay rates of the running means of gradients and of their squares."""


class AdamWSection(_Adam, frozen=True, tag_field="kind", tag="adamw"):
    """AdamW (Loshchilov and Hutter, 2019): two fp32 moments per weight, or bf16 ones where there are no masters."""


class AdamW8bitSection(_Adam, frozen=True, tag_field="kind", tag="adamw8bit"):
    """AdamW with 8-bit moments (Dettmers et al., 2022) through bitsandbytes: 2 bytes per weight instead of 8."""

    libraries: ClassVar[tuple[str, ...]] = ("bitsandbytes",)
    paged: ClassVar[bool] = False


class PagedAdamW8bitSection(AdamW8bitSection, frozen=True, tag_field="kind", tag="paged_adamw8bit"):
    """AdamW with 8-bit moments that move to the host's memory when the GPU's is full; needs a GPU."""

    paged: ClassVar[bool] = True


class MuonSection(Section, frozen=True, tag_field="kind", tag="muon"):
    """Muon (Jordan et al., 2024) on hidden matrices, AdamW on embeddings, head and vectors."""

    libraries: ClassVar[tuple[str, ...]] = ()
    learning_rate: Rate
    """Of the hidden matrices."""
    adamw_learning_rate: Rate
    """Of all other weights."""
    weight_decay: Decay = 0.0
    """Of the hidden matrices; all other weights have none."""
    momentum: Beta = 0.95
    betas: tuple[Beta, Beta] = (0.9, 0.95)
    """Of AdamW."""
    masters: bool = True
    """Update fp32 copies of bf16 weights, 4 bytes per trained weight: bf16 rounds small updates away."""


class SgdSection(_Rule, frozen=True, tag_field="kind", tag="sgd"):
    """Stochastic gradient descent without moments, unless `momentum` asks for one.

    It does less harm than AdamW where most of a small batch's gradient is noise, which AdamW scales in every weight to
    the size of the learning rate.
    """

    weight_decay: Decay = 0.0
    momentum: Beta = 0.0


OptimizerSection = AdamWSection | AdamW8bitSection | PagedAdamW8bitSection | MuonSection | SgdSection


class _Warmup(Section, frozen=True):
    warmup_steps: Count = 0
    """Steps over which the rate rises linearly to its full value."""
    warmup_share: Share = 0.0
    """The same as a share of all steps; 0 where `warmup_steps` says it."""

    def __post_init__(self) -> None:
        """Raises ValueError when the warm-up is given twice."""
        if self.warmup_steps and self.warmup_share:
            raise ValueError("give warmup_steps or warmup_share, not both: set the other one to 0")


class ConstantSection(_Warmup, frozen=True, tag_field="kind", tag="constant"):
    """The full rate until the end."""


class LinearSection(_Warmup, frozen=True, tag_field="kind", tag="linear"):
    """A linear fall to 0 at the end."""


class CosineSection(_Warmup, frozen=True, tag_field="kind", tag="cosine"):
    """Half a cosine from the full rate to the lowest at the end."""

    lowest_share: Share = 0.0
    """The rate at the end as a share of the full one."""


class WarmupStableDecaySection(_Warmup, frozen=True, kw_only=True, tag_field="kind", tag="warmup_stable_decay"):
    """The full rate, then a linear fall to 0."""

    decay_share: Share
    """The last share of the steps, over which the rate falls."""


ScheduleSection = ConstantSection | LinearSection | CosineSection | WarmupStableDecaySection


class OptimisationSection(Section, frozen=True):
    """How long and by which rule weights are updated."""

    one_of: ClassVar[tuple[frozenset[str], ...]] = (frozenset({"steps", "epochs"}),)
    steps: Positive | None
    """Updates of the weights; null where `epochs` says it."""
    epochs: Rate | None
    """Passes over the data, rounded up to whole steps; null where `steps` says it."""
    optimizer: OptimizerSection
    schedule: ScheduleSection
    clip_norm: Rate
    """Gradient norm above which gradients are scaled down."""

    def __post_init__(self) -> None:
        """Raises ValueError unless exactly one of steps and epochs is given."""
        check_length(self.steps, self.epochs)


def check_length(steps: int | None, epochs: float | None) -> None:
    """Raises ValueError unless exactly one of steps and epochs is given."""
    if (steps is None) == (epochs is None):
        raise ValueError("give exactly one of steps and epochs, and set the other one to null")
