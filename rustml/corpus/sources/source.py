"""The contract between the harvest and a source of files.

A source is a module (or any object) with three functions. A minimal one, for a profile key `notes: tuple[Notes, ...]`:

    def check(section):
        for notes in section.notes:
            ...  # raise InputError when its licence is refused or its path does not exist

    def contents(section):
        return {("notes", number, "path"): ... for number, notes in enumerate(section.notes)}

    def plan(section, cache, progress):
        return Planned(tuple(ReadNotes(source=notes, licences=section.licences) for notes in section.notes))

where `ReadNotes` is a SourceJob that takes each file through `rustml.corpus.gate.admit.admit` and writes the admitted
ones to `SOURCE_FILES` in the shard's folder.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rustml.corpus.sources.crate import RejectedCrate
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback
from rustml.sharding import Summary

Contents = dict[tuple[str | int, ...], str]
"""Per path of a key below `harvest`, such as `("datasets", 0, "name")`, its value with a digest of what it names."""
CRATES, REJECTED = "crates.jsonl", "refused.jsonl"
"""Files that a shard of crates holds beside its source files: CrateRecord and RejectedCrate records."""


class SourceJob(Protocol):
    """The shards of a source: a picklable msgspec record, and a pure function of its fields and the shard's number."""

    @property
    def shards(self) -> int:
        """The number of shards."""
        ...

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the admitted files of one shard to `SOURCE_FILES` in `folder` and return their summary."""
        ...


@dataclass(frozen=True)
class Planned:
    """A source's jobs, with what the report says of it."""

    jobs: tuple[SourceJob, ...]
    origin: str = ""
    """The registry or directory source of the crates; empty for a source of single files."""
    note: str = ""
    """Why the declared alternative is used; empty when the first choice answered."""
    rejected: tuple[RejectedCrate, ...] = ()
    """Crates that were requested and cannot be read."""
    requests: int = 0
    """Crates that the profile names, or that a directory source holds where the profile asks for all of them."""


class Source(Protocol):
    """A kind of source."""

    def check(self, section: HarvestSection) -> None:
        """Raise InputError for a wrong entry of the profile, before anything long starts.

        Raises EnvironmentFault for a source that has to be on this machine and is missing.
        """
        ...

    def contents(self, section: HarvestSection) -> Contents:
        """Digests and commits of the files and repositories that the section names, for the stage's key.

        Raises as `check` does.
        """
        ...

    def plan(self, section: HarvestSection, cache: Path, progress: ProgressCallback) -> Planned:
        """Obtain what the jobs read, and return the jobs; `cache` is a folder that later runs find again.

        Raises InputError for a wrong entry of the profile and EnvironmentFault when the source cannot be reached.
        """
        ...
