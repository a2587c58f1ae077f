"""Profile sections of what a model is trained on: sources of records, each with an amount."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Weight

MixShare = Annotated[float, Meta(ge=0, lt=1)]


class _Source(Section, frozen=True):
    """What every source says. Keys have defaults here, since a source's name is free and no other profile can hold it.

    Without `records` and `share`, every record of the source is trained on.
    """

    file: str
    """A file of the stage that the source is from, without `.jsonl`."""
    records: Count = 0
    """Records to draw at random; 0 draws all. A source that holds fewer gives all it has, which is reported."""
    share: MixShare | None = None
    """Share of the whole mix to draw instead, such as 0.4 for two anchors to three other records."""

    def __post_init__(self) -> None:
        """Refuse two amounts."""
        if self.records and self.share is not None:
            raise ValueError("a source has `records` or `share`, not both")


class BankSource(_Source, frozen=True, tag="bank", tag_field="kind"):
    """Trainable problems of the `bank` stage with their reference answers, such as `rust-train` or `python-train`.

    For validation, `<x>-train` is measured on `<x>-dev`.
    """

    leave_last: Count = 0
    """Problems at the end of the file that are not drawn, so that GRPO's prompts (`grpo.prompt_pool`) are new."""


class PairsSource(_Source, frozen=True, tag="pairs", tag_field="kind"):
    """Records of the `pairs` stage: `train` (tasks and anchors as it mixed them) or `raw` (plain text).

    For validation, `train` is measured on `validation`.
    """

    tasks: dict[str, Weight] = {}
    """Weight of each task category, of `raw`, of each anchor pool as `anchor_<pool>` and of each domain pool as
    `domain_<pool>`: 0.5 draws half of its records, 2 draws each twice. A task that is not named is left out; no name at
    all draws everything once."""
    by_weight: bool = False
    """Draw each record in proportion to the weight of its file, which `harvest.repositories` gives by path, message and
    age of the last commit: one of twice the mean weight comes twice, one of half of it every other time. The number of
    draws stays that of the records."""


Source = BankSource | PairsSource


class ValidationSection(Section, frozen=True):
    """Loss and token accuracy on held-out records: of the sources, and of the anchors (`general_holdout`)."""

    every: Count
    """Steps from one measurement to the next; 0 measures before and after training alone."""
    records: Count
    """Records of either set, the sources in the proportion in which they are trained on; 0 measures nothing."""
    keep_best: bool = False
    """Keep the checkpoint of the lowest loss on the sources' records, instead of the last."""
    patience: Count = 0
    """Measurements without a lower loss after which training ends; 0 never ends it early. It needs `keep_best`."""

    def __post_init__(self) -> None:
        """Raises ValueError for a choice by a loss that is not measured."""
        if self.keep_best and not (self.every and self.records):
            raise ValueError("keep_best needs `every` and `records` above 0: there is no loss to choose by")
        if self.patience and not self.keep_best:
            raise ValueError("patience needs keep_best: true; else the last checkpoint would be one that got worse")


def refuse_shares(sources: dict[str, Source]) -> None:
    """Raise ValueError where shares leave no room for a record, or nothing that they could be shares beside."""
    shares = sum(source.share or 0.0 for source in sources.values())
    if shares >= 1:
        raise ValueError(f"the shares of `sources` sum to {shares:g}; they must leave room for the other sources")
    if sources and all(source.share is not None for source in sources.values()):
        raise ValueError("every one of `sources` has a `share`; give one of them `records`, or all that it holds")
