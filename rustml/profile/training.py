"""Profile sections of training: base, supervised fine-tuning, reinforcement learning."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section

Positive = Annotated[int, Meta(ge=1)]
Rate = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, le=1)]


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
    python_pairs: Annotated[int, Meta(ge=0)]
    """Python tasks of the families that the base learns: it is to be a Python coder."""
    raw_rust: Annotated[int, Meta(ge=0)]
    """Pieces of real Rust as plain text."""
    noisy_rust_pairs: Annotated[int, Meta(ge=0)]
    """Rust tasks whose answer belongs to another task: they teach the form of an answer, not how to solve one."""
    steps: Annotated[int, Meta(ge=0)]
    tokens_per_step: Annotated[int, Meta(ge=0)]

    def __post_init__(self) -> None:
        """Refuse a `scratch` that lacks what it is made from or with."""
        if self.source == "scratch":
            needed = ("architecture", "optimizer", "python_pairs", "steps", "tokens_per_step")
            missing = [name for name in needed if not getattr(self, name)]
            if missing:
                raise ValueError(f"with `source: scratch` these are needed: {', '.join(missing)}")


class SftSection(Section, frozen=True):
    """Supervised fine-tuning on Rust pairs, with anchors against forgetting."""

    family_pairs: Annotated[int, Meta(ge=0)]
    """Rust tasks of the families, the first ones of the bank."""
    crate_pairs: Annotated[int, Meta(ge=0)]
    """Pairs from real crates, at most."""
    anchor_share: Annotated[float, Meta(ge=0, lt=1)]
    """Share of Python anchors in the mix."""
    steps: Positive
    batch_size: Positive
    """Records a step."""
    context: Positive
    """Longer records are left out, and counted."""
    optimizer: OptimizerSection


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
    warmup_steps: Annotated[int, Meta(ge=0)]
    decay_share: Share
    """The last share of the steps, over which the rate falls to zero."""
    beta: Annotated[float, Meta(ge=0)]
    """Weight of the KL penalty against the SFT model."""
    clip_norm: Rate
    prompt_pool: Positive
    """Training problems from which prompts are chosen: the last ones of the bank, so that supervised fine-tuning, which
    takes the first ones, need not have seen them."""
    probe_samples: Annotated[int, Meta(ge=0)]
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
