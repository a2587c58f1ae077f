"""Sections of a profile: optimizers of each kind, and sections that name data which is not there."""

from collections.abc import Mapping

import msgspec

from rustml.profile import load
from rustml.profile.bank import BankSection
from rustml.profile.harvest import DatasetSource
from rustml.profile.optimizer import (
    AdamW8bitSection,
    AdamWSection,
    MuonSection,
    OptimizerSection,
    PagedAdamW8bitSection,
    SgdSection,
)
from rustml.profile.pairs import AnchorPool

OPTIMIZERS: Mapping[str, OptimizerSection] = {
    "adamw": AdamWSection(learning_rate=0.01),
    "adamw8bit": AdamW8bitSection(learning_rate=0.01),
    "paged_adamw8bit": PagedAdamW8bitSection(learning_rate=0.01),
    "muon": MuonSection(learning_rate=0.01, adamw_learning_rate=0.01),
    "sgd": SgdSection(learning_rate=0.01),
}
"""One of each kind."""


def dataset_source(name: str, **changes: object) -> DatasetSource:
    """Files of a data set under one licence, with `changes`."""
    source = DatasetSource(
        name=name, split="train", content_column="c", path_column="p", licence_column="", licence="MIT", take=0
    )
    return msgspec.structs.replace(source, **changes)


def bank_section(**changes: object) -> BankSection:
    """A bank without a problem, of the families or of benchmarks, with `changes`."""
    counts = {f"{language}_{split}": 0 for language in ("rust", "python") for split in ("train", "dev", "test")}
    return msgspec.structs.replace(load("tiny").bank, **{"benchmarks": {}, **counts, **changes})


def anchor_pool(source: str, **changes: object) -> AnchorPool:
    """A pool of questions and answers, with `changes`."""
    pool = AnchorPool(
        source=source, share=1.0, take=0, max_characters=100, licence="MIT", instruction_column="q",
        answer_column="a", messages_column="", language="python", split="train",
    )  # fmt: skip
    return msgspec.structs.replace(pool, **changes)
