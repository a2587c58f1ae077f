"""Profile section of the problems that are mined from crates."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, HeldOutPercent, Positive, Share

World = Literal["alone", "crate"]


class ProblemSource(Section, frozen=True):
    """A folder or file of problems that go through the same checks as those of crates."""

    kind: Literal["exercism", "problems"]
    """`exercism`: a checkout of Exercism's Rust track, without the exercises of Aider's polyglot benchmark; `problems`:
    a JSON Lines file of records `rustml.records.Problem`, of which those in Rust and of the split `train` are read."""
    path: str
    """The folder, or the file; for `problems` also `hub:OWNER/NAME` or `hub:OWNER/NAME@REVISION`, a data set of the
    hub whose split `train` has the fields of such records."""
    licence: str
    """SPDX expression of all its problems, for the gate of `harvest.licences`; empty for a file takes each record's."""


class MineSection(Section, frozen=True):
    """Which functions of the harvested crates become problems, and how much their tests must notice."""

    worlds: Annotated[tuple[World, ...], Meta(min_length=1)]
    """Where problems are judged: `alone`, where a function stands by itself; `crate`, all others in their crates."""
    sources: dict[str, ProblemSource]
    """Problems from elsewhere than the harvest, by name."""
    crates: Count
    """Crates in which functions are judged, chosen by a stable hash of their names; 0 means all."""
    functions_per_crate: Count
    """Functions judged in one crate, chosen by a stable hash; 0 means all."""
    examples: Literal["taken_out", "left_in"]
    """Whether the instruction shows the examples of the documentation, which are tests of the problem."""
    min_doc_characters: Count
    """Shorter documentation, its examples taken out, makes no problem."""
    min_body_lines: Count
    """A function with fewer lines makes no problem."""
    max_function_characters: Positive
    """A longer function makes no problem."""
    max_given_characters: Positive
    """Code of its crate that a function needs beside itself, at most; one that needs more does not stand by itself."""
    max_outline_characters: Positive
    """What the instruction shows of that code, at most."""
    mutants: Positive
    """Wrong variants of each reference that are judged, at most."""
    min_variants: Positive
    """Wrong variants that must compile; fewer say little about the tests, and the problem is dropped."""
    min_strength: Share
    """Share of the variants that compile which the tests must refuse; fewer, and the problem is dropped."""
    dev_percent: HeldOutPercent
    """Crates whose problems are for choices during development, by a stable hash of their name."""
    test_percent: HeldOutPercent
    """Crates whose problems are only measured on, by another stable hash."""
