"""Profile section of curation."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Share


class QualityFilters(Section, frozen=True):
    """Bounds on one source file; the defaults suit published crates."""

    min_bytes: Count
    """Shorter files are dropped."""
    max_bytes: Positive
    """Longer files are dropped."""
    max_average_line: Positive
    """Mean length of a line, characters."""
    max_line: Positive
    """Length of the longest line, characters."""
    min_alphanumeric: Share
    """Share of alphanumeric characters among all."""
    generated_markers: tuple[str, ...]
    """Words that mark generated code, in any case, in the first `generated_within` characters."""
    generated_within: Positive
    """Characters at the start of a file."""
    vendor_paths: tuple[str, ...]
    """Patterns, as in .gitignore, of vendored code and artefacts."""
    exclude_tests: bool
    """Drop files under `tests/`."""
    exclude_benches: bool
    """Drop files under `benches/`."""
    exclude_examples: bool
    """Drop files under `examples/`."""
    max_low_quality: Annotated[int, Meta(ge=-1)]
    """Markers of low quality (to-do notes, debug prints, `unsafe` blocks, `#[allow]`) a file may hold; -1 is any."""
    prefer_idiomatic: bool
    """Keep a file only when it has `idiomatic_ratio` times as many idioms as markers of low quality."""
    idiomatic_ratio: Annotated[float, Meta(ge=0)]
    """Idioms per marker of low quality; read where `prefer_idiomatic` is true."""
    prefer_documented: bool
    """Keep a file only when it holds a documentation comment."""


class NearDuplicates(Section, frozen=True):
    """MinHash with locality-sensitive hashing."""

    shingle_tokens: Positive
    """Tokens per shingle."""
    permutations: Annotated[int, Meta(ge=16, le=1024)]
    """Hash functions per signature: the more, the closer the estimate."""
    threshold: Annotated[float, Meta(gt=0, lt=1)]
    """Estimated Jaccard similarity of shingle sets from which a text counts as a duplicate."""


class Decontamination(Section, frozen=True):
    """The conditions under which a training text overlaps a problem of an evaluation bank."""

    run_tokens: Annotated[int, Meta(ge=5)]
    """Length of a common run of tokens from which two texts overlap."""
    threshold: Annotated[float, Meta(gt=0, lt=1)]
    """Estimated Jaccard similarity of shingle sets."""
    shingle_tokens: Positive
    """Tokens per shingle: fewer than for files, since a problem is short."""


class CurateSection(Section, frozen=True):
    """Filters, deduplication and decontamination of the harvested files."""

    quality: QualityFilters
    near_duplicates: NearDuplicates
    decontamination: Decontamination
    keep_dropped: bool
    """Also write each dropped file with step and reason, as `dropped.jsonl` in the shards of the output."""
