"""Profile section of the verified changes."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive


class EditsSection(Section, frozen=True):
    """Which functions of the curated crates become pairs of before and after, checked by compiler and clippy."""

    crates: Count
    """Crates that are looked at, chosen by a stable hash of their names; 0 means all."""
    min_body_lines: Count
    """A function with fewer lines makes no compile error, and no change of error handling or lifetimes."""
    max_function_characters: Positive
    """A longer function is not looked at."""
    commits: Count
    """Newest commits of each of `harvest.repositories` that are looked at; 0 means none."""
    commit_functions: Positive
    """Functions that a commit changes, at most; one that changes more, or anything else, is left out."""
    rounds: Annotated[int, Meta(ge=1, le=10)]
    """Times that what clippy suggests is applied to a function, since one correction may uncover another."""
    attempts: Annotated[int, Meta(ge=1, le=10)]
    """Mutations of one function that are tried until the compiler refuses one."""
    max_notes_characters: Positive
    """What the question shows of the compiler's words, at most; a function of which it says more is left out."""
