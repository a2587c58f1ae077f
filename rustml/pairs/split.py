"""Which part a record belongs to, decided for whole files by a stable hash, so that no file is split."""

import hashlib
from typing import Literal

from rustml.profile.pairs import PairsSection
from rustml.records import Origin

Part = Literal["train", "validation", "holdout"]
PARTS = ("train", "validation", "holdout", "general_holdout", "raw")
"""Stems of the files of the `pairs` stage."""


def fraction(*words: str) -> float:
    """A number in [0, 1) that depends on the words alone, evenly spread."""
    digest = hashlib.sha256("\0".join(words).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def part_of(origin: Origin, section: PairsSection) -> Part:
    """The part of a file: by its source and path, not by its version, so that a new release stays where it was."""
    words = (origin.kind, origin.name, origin.path)
    if fraction("holdout", *words) * 100 < section.holdout_percent:
        return "holdout"
    if fraction("validation", *words) * 100 < section.validation_percent:
        return "validation"
    return "train"
