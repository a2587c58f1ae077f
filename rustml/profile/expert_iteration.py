"""Profile section of expert iteration."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.sources import PairsSource, Source, refuse_shares
from rustml.profile.types import Count, Positive, Rate, Share, Weight


class WeightsSection(Section, frozen=True):
    """How much each part counts in the score of an answer, which is their weighted mean, in [0, 1]."""

    compile: Weight
    """1 for code that compiles, else 0."""
    tests: Weight
    """Share of the tests that pass."""
    lints: Weight
    """1 / (1 + lints): 1 for none, a half for one. 0 for code that does not compile. With neither a weight nor a
    threshold here, lints are not asked for, which saves time."""
    idiom: Weight
    """Share of six idioms that occur (rustml/rust/style.py); 0 for code that does not parse, and for Python."""
    documentation: Weight
    """Share of the items, tests aside, that have a doc comment."""

    def __post_init__(self) -> None:
        """Raises ValueError where nothing counts."""
        if not (self.compile + self.tests + self.lints + self.idiom + self.documentation):
            raise ValueError("one of the weights has to be above 0")


class Tightening(Section, frozen=True):
    """The least value of a part that an answer needs; in between it rises or falls by equal steps."""

    first: Share
    """In the first round."""
    last: Share
    """In the last round."""

    def value(self, number: int, rounds: int) -> float:
        """In round `number` of `rounds`, counted from 1."""
        return self.first + (self.last - self.first) * (number - 1) / max(1, rounds - 1)


class ThresholdsSection(Section, frozen=True):
    """What an answer needs to become a training record, by part as under `weights`, and of the score as a whole."""

    compile: Tightening
    tests: Tightening
    lints: Tightening
    """A third is two lints at most, 1 is none."""
    idiom: Tightening
    documentation: Tightening
    score: Tightening


class ExpertIterationSection(Section, frozen=True):
    """Expert iteration: answers are drawn and judged, the best become training records, and the version is fine-tuned
    on them, round after round, on the prompts of GRPO (`grpo.prompt_pool`, `grpo.prompt_files`)."""

    rounds: Positive
    """Each round draws with the model of the one before it, and fine-tunes the version anew on the best answers of all
    rounds so far."""
    problems: Count
    """Problems per round, in turn from a shuffled pool; 0 takes all in each round."""
    samples: Positive
    """Answers per problem and round."""
    engine: Literal["transformers", "vllm"]
    """What draws the answers."""
    sequences: Positive
    """Answers that are drawn at once."""
    temperature: Rate
    top_p: Annotated[float, Meta(gt=0, le=1)]
    max_new_tokens: Positive
    records: Positive
    """Training records per problem at most: its best answers that differ."""
    repair_records: Count
    """Further records per problem at most: a failed answer, what compiler and tests say of it, and the problem's best
    answer as its repair. They are longer than others: see `sft.context`."""
    weights: WeightsSection
    thresholds: ThresholdsSection
    fault_share: Share
    """Share of 32 problems' answers that the judge could not judge, above which the run ends; run again, it judges
    the same answers anew."""
    sources: dict[str, Source]
    """What is mixed in with the answers, as under `sft.sources`: anchors against forgetting."""
    changes: dict[str, Any]
    """Dotted keys of `sft` and their values, as in a preset, on top of the profile's `sft`, by which each round is
    trained: `sft.steps: 50`. Its sources and its validation do not count here."""

    def __post_init__(self) -> None:
        """Raises ValueError for shares that leave no room for an answer, and for a change of anything but `sft`."""
        refuse_shares({**self.sources, "answers": PairsSource(file="train")})
        for key in self.changes:
            if key.partition(".")[0] != "sft":
                raise ValueError(f"changes: {key} is not a key of sft")
