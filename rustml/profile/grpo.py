"""Profile section of reinforcement learning."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.method import TrainerSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Rate


class DevSection(Section, frozen=True):
    """Which checkpoint is kept: the one that solves most development problems, by its greedy answers."""

    every: Count
    """Steps between two measurements; the last step is measured too. 0: the last checkpoint is kept, unmeasured."""
    problems: Positive
    """Problems of the bank's `rust-dev`, the first ones."""


class GrpoSection(TrainerSection, frozen=True):
    """Group relative policy optimisation with the compiler as reward."""

    reward: Literal["judge", "shuffled"]
    """`shuffled` gives the judge's rewards to other completions at random: a control that must fail its gate."""
    prompts_per_step: Positive
    generations: Annotated[int, Meta(ge=2)]
    """Completions per prompt: the group."""
    passes: Positive
    """Forward and backward passes per step, over as many parts of its completions: the more, the less memory."""
    max_new_tokens: Positive
    temperature: Rate
    beta: Annotated[float, Meta(ge=0)]
    """Weight of the KL penalty against the SFT model."""
    prompt_pool: Count
    """Training problems of the families from which prompts are chosen: the last ones of the bank, so that supervised
    fine-tuning, which takes the first ones, need not have seen them."""
    prompt_files: dict[str, Count]
    """Further files of the `bank` stage to choose prompts from, without `.jsonl`, such as `mined-train`, each with the
    number of its problems, spread over the file; 0 takes all. A file that may not be trained on is refused."""
    dev: DevSection
    probe_samples: Count
    """Samples per problem by which all-passed and all-failed problems are taken out beforehand; 0 keeps all."""
    reward_malformed: float
    """No complete code block with the entry point."""
    reward_uncompiled: float
    reward_compiled: float
    reward_passed: float
    reward_clippy: float
    """Added for passing code without a lint."""

    def __post_init__(self) -> None:
        """Raises ValueError for a step that does not fall into equal parts."""
        super().__post_init__()
        if self.prompts_per_step * self.generations % self.passes:
            raise ValueError(
                f"passes ({self.passes}) must divide prompts_per_step * generations "
                f"({self.prompts_per_step * self.generations})"
            )
