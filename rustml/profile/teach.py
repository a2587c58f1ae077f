"""Profile section of the optional teachers."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.evaluation import ServerSection
from rustml.profile.section import Section
from rustml.profile.types import Count, Positive


class TeacherSection(ServerSection, frozen=True):
    """A model behind an OpenAI-compatible server whose answers, where the judge passes them, are learnt from."""

    licence: Annotated[str, Meta(min_length=1)]
    """SPDX expression under which its answers may be used; the gate of `pairs.licences` stands in front of it."""
    terms: Annotated[str, Meta(min_length=1)]
    """Where the terms of its provider stand, or their words: noted in every record."""


class TeachSection(Section, frozen=True):
    """Answers of other models to problems of the bank, through the judge. Off where there are no teachers."""

    teachers: dict[str, TeacherSection]
    """Teachers by a name that stands in their records."""
    files: dict[str, Count]
    """Files of the `bank` stage whose problems are asked, without `.jsonl`, such as `rust-train`, each with the number
    of its first problems to take; 0 takes all. A file that may not be trained on is refused."""
    samples: Positive
    """Answers of each teacher to each problem."""
    temperature: Annotated[float, Meta(ge=0, le=2)]
    """0 is greedy."""
    max_new_tokens: Positive
    """Length of an answer at most."""
    judged_by: Literal["tests", "compile"]
    """What an answer has to pass: its problem's tests, or the compiler alone."""
    peers: bool
    """Where several answers to a problem pass, every teacher ranks them, its own not counted, and the best is kept.
    False keeps all."""
