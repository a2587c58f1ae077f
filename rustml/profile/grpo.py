"""Profile section of reinforcement learning."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.method import TrainerSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Rate, Share


class DevSection(Section, frozen=True):
    """Which checkpoint is kept: the one that solves most development problems, by its greedy answers."""

    every: Count
    """Steps between two measurements; the last step is measured too. 0: the last checkpoint is kept, unmeasured."""
    problems: Positive
    """Problems of the bank's `rust-dev`, the first ones."""


class HealthSection(Section, frozen=True):
    """Signs that a training has gone wrong: one that lasts for `steps` logged points ends it, with what it was."""

    steps: Positive
    """Logged points in a row."""
    zero_variance_share: Share
    """Share of groups whose rewards are all equal, above which nothing is learnt; 1 never ends a training."""
    min_entropy: Annotated[float, Meta(ge=0)]
    """Mean entropy of a token, nats, below which answers have become one answer; 0 never ends a training."""
    clip_ratio: Share
    """Share of tokens whose ratio is clipped, above which the policy has left its data; 1 never ends a training."""
    fault_share: Share
    """Share of a step's completions that the judge could not judge, above which the training ends at once."""


class CanarySection(Section, frozen=True):
    """A small check of what the model could do before: where that falls, training ends, and the checkpoint of the last
    check that held is registered."""

    every: Count
    """Steps between two checks; the last step is checked too. 0 checks nothing."""
    file: Annotated[str, Meta(min_length=1)]
    """A file of the `bank` stage without `.jsonl` that is not trained on, such as `python-dev`."""
    problems: Positive
    """Its first ones are checked."""
    measure: Literal["pass", "loss"]
    """`pass`: the share that greedy answers solve. `loss`: nats per token of the references, without the judge."""
    margin: Annotated[float, Meta(ge=0)]
    """How much lower the pass rate, or higher the loss, may be than before training."""


class PoolsSection(Section, frozen=True):
    """Which prompts a step asks, and what it does with groups whose rewards are all equal."""

    by_pass_rate: bool
    """Draw prompts by a moving estimate of their pass rate: most often those that are solved half the time, or not seen
    yet. False takes all in turn."""
    memory: Share
    """What a new group leaves of the estimate: 0 keeps the last group's pass rate alone."""
    least_weight: Annotated[float, Meta(gt=0, le=1)]
    """How often a problem that is always or never solved is drawn against one that is solved half the time."""
    resamples: Count
    """How often a step draws its groups without signal again, with other prompts: DAPO's dynamic sampling, bounded. 0
    keeps them."""


class GuardsSection(Section, frozen=True):
    """Rewards against answers that grow, and against answers in another language than asked."""

    overlong_cache: Count
    """Last tokens of `max_new_tokens` over which a punishment for length grows evenly: DAPO's soft overlong punishment.
    0 punishes no length."""
    overlong_penalty: Rate
    """What it takes from the reward of an answer that reaches `max_new_tokens`."""
    foreign_reward: float | None
    """The most that an answer may earn which has a code block of another programming language than asked, or prose in
    another script than the prompt's. `null` does not look."""
    foreign_share: Share
    """Share of the letters of the prose in scripts that the prompt does not use, above which it is another language."""


class RepairSection(Section, frozen=True):
    """Repair turns: failed answers of a step are prompts of the next one, with what the compiler says of them."""

    prompts: Count
    """Prompts of a step, at most, that are failed answers of the step before, in the place of as many problems; 0 asks
    none."""
    failures: Literal["compile", "all"]
    """`compile`: answers that the compiler refused. `all`: every answer that did not pass; some are shown their tests,
    so that a repair may fit what it sees."""
    weight: Rate
    """Times the advantages of repaired answers in the loss."""
    max_prompt_tokens: Positive
    """Longer conversations are not asked; nor are those that leave no room for an answer in the model's context."""


class SamplesSection(Section, frozen=True):
    """The table of completions with their verdicts that a reader of the run sees."""

    every: Count
    """Steps from one sample to the next; 0 takes none."""
    completions: Positive
    """Completions of each sample, the first ones of the step."""


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
    loss_type: Literal["dapo", "grpo", "dr_grpo", "bnpo"]
    """What a step's loss is divided by: all its tokens (`dapo`), each completion's own and then the completions
    (`grpo`), a constant (`dr_grpo`), the tokens of one pass (`bnpo`)."""
    importance_sampling_level: Literal["token", "sequence"]
    """Ratios of each token, or of the whole completion: GSPO (Zheng et al., 2025), which needs `loss_type: grpo`."""
    epsilon: Rate
    """A ratio is clipped below 1 - `epsilon`. A step uses its completions once, so that ratios are 1 and nothing is
    clipped, but for the rounding between drawing and training."""
    epsilon_high: Rate
    """A ratio is clipped above 1 + `epsilon_high`; larger than `epsilon` it is DAPO's "clip higher"."""
    mask_truncated_completions: bool
    """Leave completions that `max_new_tokens` cut out of the loss: DAPO's overlong masking."""
    scale_rewards: Literal["group", "batch", "none"]
    """Divide advantages by the standard deviation of the group's or the batch's rewards, or by nothing (Dr. GRPO)."""
    entropy_coef: Annotated[float, Meta(ge=0)]
    """Weight of an entropy bonus in the loss."""
    health: HealthSection
    samples: SamplesSection
    prompt_pool: Count
    """Training problems of the families from which prompts are chosen: the last ones of the bank, so that supervised
    fine-tuning, which takes the first ones, need not have seen them."""
    prompt_files: dict[str, Count]
    """Further files of the `bank` stage to choose prompts from, without `.jsonl`, such as `mined-train`, each with the
    number of its problems, spread over the file; 0 takes all. A file that may not be trained on is refused."""
    pools: PoolsSection
    dev: DevSection
    canary: CanarySection
    repair: RepairSection
    probe_samples: Count
    """Samples per problem by which all-passed and all-failed problems are taken out beforehand; 0 keeps all."""
    reward_malformed: float
    """No complete code block with the entry point."""
    reward_uncompiled: float
    reward_compiled: float
    reward_passed: float
    reward_clippy: float
    """Added for passing code without a lint."""
    reward_errors_gone: Annotated[float, Meta(ge=0)]
    """Added to `reward_uncompiled`, times the share of the compiler's error codes of the code that the prompt shows and
    that the answer no longer has; nothing where it has a new one. For prompts that show code which does not compile."""
    reward_tests: Annotated[float, Meta(ge=0)]
    """Added to `reward_compiled`, times the share of tests that passed, for code that does not pass all. It pays for
    code that fits the easy tests, so that 0 is the safe choice."""
    guards: GuardsSection

    def __post_init__(self) -> None:
        """Raises ValueError for a loss that is not defined, for groups that cannot be drawn again, for rewards by which
        failing pays more, and for a step that does not fall into equal parts."""
        super().__post_init__()
        if self.importance_sampling_level == "sequence" and self.loss_type != "grpo":
            raise ValueError("importance_sampling_level: sequence needs loss_type: grpo")
        if self.pools.resamples and (self.reward == "shuffled" or self.scale_rewards == "batch"):
            raise ValueError("pools.resamples needs reward: judge, and scale_rewards: group or none")
        if self.reward_tests and self.reward_compiled + self.reward_tests > self.reward_passed:
            raise ValueError("reward_compiled + reward_tests must not exceed reward_passed: failing would pay more")
        if self.reward_errors_gone and self.reward_uncompiled + self.reward_errors_gone > self.reward_compiled:
            raise ValueError(
                "reward_uncompiled + reward_errors_gone must not exceed reward_compiled: failing would pay"
            )
        if self.repair.prompts >= self.prompts_per_step:
            raise ValueError("repair.prompts must be less than prompts_per_step: nothing would be left to repair")
        if self.guards.overlong_cache > self.max_new_tokens:
            raise ValueError("guards.overlong_cache must not exceed max_new_tokens")
        self.answers_per_pass(1)

    def answers_per_pass(self, processes: int) -> int:
        """Answers that each of so many processes computes at once; each has whole groups, and as many as the others.

        Raises ValueError where the step does not fall into equal parts.
        """
        several = f" on {processes} processes" if processes > 1 else ""
        prompts, rest = divmod(self.prompts_per_step, processes)
        if rest:
            raise ValueError(f"prompts_per_step ({self.prompts_per_step}) cannot be shared equally{several}")
        answers, uneven = divmod(prompts * self.generations, self.passes)
        if uneven:
            total = self.prompts_per_step * self.generations
            raise ValueError(f"passes ({self.passes}) must divide prompts_per_step * generations ({total}){several}")
        return answers
