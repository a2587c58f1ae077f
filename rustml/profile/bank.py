"""Profile section of the problem banks."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count

FamilyNames = Annotated[tuple[str, ...], Meta(min_length=1)]


class BankSection(Section, frozen=True):
    """The problems drawn from the tiny families, and the benchmarks and own banks to prepare."""

    families: Literal["all"] | FamilyNames
    """Families to draw from, by name."""
    rust_train: Count
    """Rust problems to train on; each reference goes through the judge."""
    rust_dev: Count
    """Held-out Rust problems for choices during development."""
    rust_test: Count
    """Held-out Rust problems for evaluation."""
    python_train: Count
    """Python problems to train on; their expected values come from running the reference, and no judge sees them."""
    python_dev: Count
    """Held-out Python problems for choices during development: the twins of `rust_dev`, in order."""
    python_test: Count
    """Held-out Python problems for evaluation: the twins of `rust_test`, in order."""
    benchmarks: dict[str, str]
    """Public banks, and files of problems of one's own, by name: path of a local file, `hub`, or `hub@REVISION`."""
