"""Profile sections of the corpus: harvest, curate, pairs."""

from typing import Annotated, Literal

from msgspec import Meta

from rustml.profile.section import Section

Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(gt=0)]


class ArchiveLimits(Section, frozen=True):
    """What a published archive may be at most; one that is more is refused whole."""

    archive_mb: Positive
    """Compressed size, MiB."""
    unpacked_mb: Positive
    """Everything that the archive inflates to, headers included, MiB."""
    entries: Positive
    """Files, folders and headers."""
    path_characters: Positive
    """Length of one path."""


class DatasetSource(Section, frozen=True):
    """A data set of source files: from the Hugging Face hub, or a local folder or file of JSONL or parquet."""

    name: str
    """Hub name, or path of a local file or folder."""
    split: str
    content_column: str
    path_column: str
    licence_column: str
    """Column with each file's SPDX expression; empty where `licence` holds for all."""
    licence: str
    """SPDX expression of the whole data set; empty where a column says it."""
    take: Count
    """Files to read, in the data set's order; 0 means all."""


class RepositorySource(Section, frozen=True):
    """A team's own git history: files at HEAD, weighted by where they lie and what was said when they changed."""

    path: str
    """A local clone."""
    licence: str
    """SPDX expression under which the team releases it."""
    ignore: tuple[str, ...]
    """Patterns, as in .gitignore, of artefacts."""
    half_life_days: Seconds
    """Age of a file's last commit at which its recency weight is a half."""


class HarvestSection(Section, frozen=True):
    """Where Rust source comes from, and what may come in."""

    registry: str
    """URL of a sparse registry's index, such as https://index.crates.io/; empty for none."""
    directory: str
    """Cargo directory source: the only one where `registry` is empty, else the declared alternative to it."""
    probe_seconds: Seconds
    """How long the registry has to answer before the alternative is used; that is said in log, report and records."""
    user_agent: Annotated[str, Meta(min_length=8)]
    """Identifies the harvester to the registry: name it and give a way to reach you."""
    crates: tuple[str, ...]
    """Names in order of priority, a version pinned as `name@1.2.3`; `all` for every crate of a directory source."""
    crates_file: str
    """A file of more names, one a line, `#` for comments; empty for none."""
    min_crates: Positive
    """Fewer crates than this through the gate is an error."""
    connections: Annotated[int, Meta(ge=1, le=32)]
    attempts: Annotated[int, Meta(ge=1, le=20)]
    """Tries of one request before it counts as failed."""
    backoff_seconds: Annotated[float, Meta(ge=0)]
    """Wait before the second try; doubles with each, and a Retry-After answer replaces it."""
    timeout_seconds: Seconds
    """For a connection, and for each read of it."""
    licences: Annotated[tuple[str, ...], Meta(min_length=1)]
    """SPDX identifiers; every licence in an expression must be one of them."""
    include: tuple[str, ...]
    """Patterns, as in .gitignore, of paths inside a crate to take."""
    exclude: tuple[str, ...]
    """Patterns of paths to leave out of what `include` takes."""
    max_files_per_crate: Positive
    limits: ArchiveLimits
    unpack: bool
    """Also unpack each archive that passes the gate, for judging code inside its crate."""
    datasets: tuple[DatasetSource, ...]
    repositories: tuple[RepositorySource, ...]
    crates_per_shard: Positive


class QualityFilters(Section, frozen=True):
    """Bounds on one source file; the reference values are those of features.md, section 3."""

    min_bytes: Count
    max_bytes: Positive
    max_average_line: Positive
    """Characters."""
    max_line: Positive
    """Characters."""
    min_alphanumeric: Share
    """Share of alphanumeric characters among all."""
    generated_markers: tuple[str, ...]
    """Words that mark generated code; looked for in any case in the first `generated_within` characters."""
    generated_within: Positive
    vendor_paths: tuple[str, ...]
    """Patterns, as in .gitignore, of vendored code and artefacts."""
    exclude_tests: bool
    exclude_benches: bool
    exclude_examples: bool
    max_low_quality: Annotated[int, Meta(ge=-1)]
    """Markers of low quality (to-do notes, debug prints, `unsafe` blocks, `#[allow]`) a file may hold; -1 is any."""
    prefer_idiomatic: bool
    """Keep a file only when it holds `idiomatic_ratio` times as many idioms as markers of low quality."""
    idiomatic_ratio: Annotated[float, Meta(ge=0)]
    prefer_documented: bool
    """Keep a file only when it holds a documentation comment."""


class NearDuplicates(Section, frozen=True):
    """MinHash with locality-sensitive hashing."""

    shingle_tokens: Positive
    permutations: Annotated[int, Meta(ge=16, le=1024)]
    threshold: Annotated[float, Meta(gt=0, lt=1)]
    """Estimated Jaccard similarity of shingle sets from which a text counts as a duplicate."""


class Decontamination(Section, frozen=True):
    """What makes a training text overlap a problem of an evaluation bank."""

    run_tokens: Annotated[int, Meta(ge=5)]
    """Consecutive tokens in common."""
    threshold: Annotated[float, Meta(gt=0, lt=1)]
    """Estimated Jaccard similarity of shingle sets."""
    shingle_tokens: Positive
    """Shorter than for files: a problem is short."""


class CurateSection(Section, frozen=True):
    """Which harvested files are worth training on."""

    quality: QualityFilters
    near_duplicates: NearDuplicates
    decontamination: Decontamination


class AnchorPool(Section, frozen=True):
    """A pool of records that keep the model's other abilities."""

    source: str
    """`corpus` (raw pieces of the curated files), `given` (handed in by the caller), `hub:NAME` or `file:PATH`."""
    share: Share
    """Of all anchors."""
    take: Count
    """Records to read from the pool; 0 means all."""
    max_characters: Positive
    licence: str
    """SPDX expression of the pool; for `corpus` and `given` each record carries its own."""
    instruction_column: str
    """Empty for a pool of raw text."""
    answer_column: str
    messages_column: str
    """Column of chat messages (`role`, `content`) instead of the two; empty for none."""
    language: str
    split: str


class PairsSection(Section, frozen=True):
    """How curated files become training records."""

    tasks: dict[str, Annotated[float, Meta(ge=0, le=1)]]
    """Task category and the share of its records to keep, chosen by a stable hash of the record."""
    min_doc_characters: Count
    min_body_lines: Count
    max_pair_characters: Positive
    """Instruction and answer together."""
    raw_min_characters: Count
    raw_max_characters: Positive
    """Bounds on one raw piece of Rust: a function with its documentation."""
    raw_pieces: Count
    """Raw pieces to keep, spread over the corpus by a stable hash; 0 means all."""
    holdout_percent: Annotated[float, Meta(ge=0, le=50)]
    """Files held out whole, by a stable hash of their path."""
    validation_percent: Annotated[float, Meta(ge=0, le=50)]
    general_holdout: Count
    """Anchor records held out, at most a tenth of a pool."""
    anchors_per_pair: Annotated[float, Meta(ge=0)]
    anchors: dict[str, AnchorPool]
    allow_missing_anchors: bool
    interleave: Literal["sequential", "round_robin", "weighted"]
    licences: Annotated[tuple[str, ...], Meta(min_length=1)]
    """The licence gate in front of the anchors."""
    evaluate_only: tuple[str, ...]
    """Sources whose licence or protocol forbids training on them, by name."""
    near_duplicates: NearDuplicates
    decontamination: Decontamination
