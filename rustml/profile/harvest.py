"""Profile section of the harvest."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Count, Positive, Seconds


class ArchiveLimits(Section, frozen=True):
    """Bounds on a published archive; an archive over one of them is rejected."""

    archive_mb: Positive
    """Compressed size, MiB."""
    unpacked_mb: Positive
    """Size of the inflated stream, headers included, MiB."""
    entries: Positive
    """Number of files, folders and headers."""
    path_characters: Positive
    """Length of one path."""


class DatasetSource(Section, frozen=True):
    """A data set of source files: from the Hugging Face hub, or a local folder or file of JSONL or parquet."""

    name: str
    """Hub name, `OWNER/NAME` or `OWNER/NAME@REVISION`, or path of a local file or folder."""
    split: str
    """Such as `train`; read for a data set of the hub."""
    content_column: str
    """Column with the text of a file."""
    path_column: str
    """Column with the path of a file."""
    licence_column: str
    """Column with each file's SPDX expression; empty when `licence` holds for all."""
    licence: str
    """SPDX expression of the whole data set; empty when `licence_column` is set."""
    take: Count
    """Files to read, in the data set's order; 0 means all."""


class RepositorySource(Section, frozen=True):
    """A team's own git history: files at HEAD, weighted by path, message and age of the last commit."""

    path: str
    """A local clone."""
    licence: str
    """SPDX expression under which the team releases it."""
    ignore: tuple[str, ...]
    """Patterns, as in .gitignore, of artefacts."""
    half_life_days: Seconds
    """Age of a file's last commit at which its recency weight is a half."""


class HarvestSection(Section, frozen=True):
    """Sources of Rust files, and the gate in front of the corpus."""

    registry: str
    """URL of a sparse registry's index, such as https://index.crates.io/; `cargo` for crates.io or what Cargo's own
    settings put in its place; a NAME for `[registries.NAME]` of these settings; empty for none."""
    directory: str
    """Cargo directory source: the only source when `registry` is empty, else the declared alternative to it."""
    probe_seconds: Seconds
    """Time in which the registry must answer; after it the alternative is used, and log, report and records say so."""
    user_agent: Annotated[str, Meta(min_length=8)]
    """Sent to the registry with every request: a name and a contact."""
    crates: tuple[str, ...]
    """Names in order of priority, a version pinned as `name@1.2.3`; `all` for every crate of a directory source."""
    crates_file: str
    """A file of more names, one per line, `#` for comments; empty for none. A relative path starts at the profile."""
    min_crates: Count
    """Crates that must pass the gate; fewer are an error. 0 where repositories or data sets are all there is."""
    connections: Annotated[int, Meta(ge=1, le=32)]
    """Requests to the registry at once."""
    interval_seconds: Annotated[float, Meta(ge=0)]
    """From the start of one request to the next, to a host that also serves the registry's web API (`api` in its
    config.json): crates.io asks its crawlers for one request a second."""
    static_interval_seconds: Annotated[float, Meta(ge=0)]
    """The same for every other host: of crates.io, the index and the archives, static files on a CDN without such a
    rule."""
    index_minutes: Annotated[float, Meta(ge=0)]
    """How long an index file is taken from the cache that came without ETag and date; 0 asks each time."""
    attempts: Annotated[int, Meta(ge=1, le=20)]
    """Attempts of one request before it counts as failed."""
    backoff_seconds: Annotated[float, Meta(ge=0)]
    """Wait before the second attempt; it doubles with each attempt, and a Retry-After answer replaces it.
    One that asks for more than two minutes ends the harvest, which can be resumed."""
    timeout_seconds: Seconds
    """Limit for opening a connection, and for each read from it."""
    licences: Annotated[tuple[str, ...], Meta(min_length=1)]
    """SPDX identifiers; every licence in an expression must be one of them."""
    include: tuple[str, ...]
    """Patterns, as in .gitignore, of paths inside a crate to take."""
    exclude: tuple[str, ...]
    """Patterns of paths to leave out among those that `include` selects."""
    max_files_per_crate: Positive
    """Further files of a crate are left out."""
    limits: ArchiveLimits
    unpack: bool
    """Also unpack each archive that passes the gate, for judging code inside its crate."""
    crates_per_shard: Positive
    """Crates that one worker takes at a time, and that one file of the output holds."""
    datasets: tuple[DatasetSource, ...] = ()
    """Data sets of source files to take besides crates."""
    repositories: tuple[RepositorySource, ...] = ()
    """Local git repositories to take besides crates."""
