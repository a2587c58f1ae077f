"""Profile section of the training pairs."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.curate import Decontamination, NearDuplicates
from rustml.profile.section import Section
from rustml.profile.types import Count, HeldOutPercent, Positive, Share, Weight

ANCHOR, DOMAIN = "anchor_", "domain_"
"""Beginning of the task of a pool's records."""


class Pool(Section, frozen=True):
    """Records from outside the curated files, through the licence gate and without what overlaps a bank."""

    source: str
    """`bank:FILE` (trainable problems of the `bank` stage, for example `bank:python-train`), `hub:NAME`,
    `hub:NAME@REVISION` or `file:PATH`; of anchors also `corpus` (raw pieces of the curated files)."""
    take: Count
    """Records to read from the pool; 0 means all."""
    max_characters: Positive
    licence: str
    """SPDX expression of the pool; for `corpus` and `bank` each record carries its own."""
    instruction_column: str
    """Empty for a pool of raw text."""
    answer_column: str
    messages_column: str
    """Column of chat messages (`role`, `content`) instead of the two; empty for none."""
    language: str
    split: str
    task_column: str = ""
    """Column that names each record's kind of task, such as `task_category` of Strandset-Rust-v1: the question begins
    with the task in words, and columns that hold JSON objects are written out field by field. Empty for none."""


class AnchorPool(Pool, frozen=True, kw_only=True):
    """A pool of records that keep the model's other abilities."""

    share: Share
    """Of all anchors."""


class PairsSection(Section, frozen=True):
    """How curated files become training records."""

    tasks: dict[str, Weight]
    """Weight of each task category: 0.25 keeps a quarter of its records, chosen by a stable hash; 2.5 has each training
    record twice, and half of them a third time."""
    min_doc_characters: Count
    """Shorter documentation makes no pair."""
    min_body_lines: Count
    """A function with fewer lines makes no pair."""
    max_pair_characters: Positive
    """Instruction and answer together."""
    raw_min_characters: Count
    """Length of one raw piece of Rust at least: a function with its documentation."""
    raw_max_characters: Positive
    """Length of one raw piece at most."""
    raw_pieces: Count
    """Raw pieces to keep, spread over the corpus by a stable hash; 0 means all."""
    holdout_percent: HeldOutPercent
    """Files held out whole, by a stable hash of their path."""
    validation_percent: HeldOutPercent
    """Files whose pairs are kept for validation, by another stable hash of their path."""
    general_holdout: Count
    """Anchor records held out, at most a tenth of a pool."""
    anchors_per_pair: Annotated[float, Meta(ge=0)]
    """Anchors per pair in the training file; 0 mixes in none."""
    anchors: dict[str, AnchorPool]
    """Pools by name; their shares need not sum to 1."""
    domain: dict[str, Pool]
    """Pools of records to learn from beside the pairs, such as a data set of Rust tasks or a team's own chats: their
    records are of the task `domain_<pool>`, a `validation_percent` of them are held out, and anchors are counted to
    them as to pairs."""
    allow_missing_anchors: bool
    """Go on where an anchor pool cannot be read; the report names it."""
    interleave: Literal["sequential", "round_robin", "weighted"]
    licences: Annotated[tuple[str, ...], Meta(min_length=1)]
    """The licence gate in front of the pools."""
    evaluate_only: tuple[str, ...]
    """Sources whose licence or protocol forbids training on them, by name."""
    near_duplicates: NearDuplicates
    decontamination: Decontamination
