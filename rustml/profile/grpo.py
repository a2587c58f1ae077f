"""Profile section of reinforcement learning."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Rate, Share


class GrpoSection(Section, frozen=True):
    """Group relative policy optimisation with the compiler as reward."""

    reward: Literal["judge", "shuffled"]
    """`shuffled` deals the judge's rewards to other completions: a control that must fail its gate."""
    steps: Positive
    prompts_per_step: Positive
    generations: Annotated[int, Meta(ge=2)]
    """Completions a prompt: the group."""
    passes: Positive
    """Forward and backward passes a step, over as many parts of its completions: the more, the less memory."""
    max_new_tokens: Positive
    temperature: Rate
    optimizer: Literal["adamw", "sgd"]
    """`adamw` is the field's habit. `sgd` keeps no moments and does less harm where batches are small and most of a
    gradient is noise, which AdamW blows up, in every weight, to the size of the learning rate."""
    learning_rate: Rate
    warmup_steps: Count
    decay_share: Share
    """The last share of the steps, over which the rate falls to zero."""
    beta: Annotated[float, Meta(ge=0)]
    """Weight of the KL penalty against the SFT model."""
    clip_norm: Rate
    prompt_pool: Positive
    """Training problems from which prompts are chosen: the last ones of the bank, so that supervised fine-tuning, which
    takes the first ones, need not have seen them."""
    probe_samples: Count
    """Samples a problem by which all-passed and all-failed problems are taken out beforehand; 0 keeps all."""
    reward_malformed: float
    """No complete code block with the entry point."""
    reward_uncompiled: float
    reward_compiled: float
    reward_passed: float
    reward_clippy: float
    """Added for passing code without a lint."""

    def __post_init__(self) -> None:
        """Refuse a step that does not fall into equal parts."""
        if self.prompts_per_step * self.generations % self.passes:
            raise ValueError(
                f"passes ({self.passes}) must divide prompts_per_step * generations "
                f"({self.prompts_per_step * self.generations})"
            )
