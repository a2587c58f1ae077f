"""Harvest Rust source: obtain it from every source of the profile, pass each file through the gate, keep its origin."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from rustml.corpus.report import HarvestReport, harvest_report
from rustml.corpus.sources import crates, dataset, repository
from rustml.corpus.sources.crate import CrateRecord, RejectedCrate
from rustml.corpus.sources.source import CRATES, REJECTED, Source, SourceJob
from rustml.errors import InputError
from rustml.licence import Gate
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import read_jsonl, write_jsonl
from rustml.sharding import Summary, Workers, bind_to_plan, run
from rustml.sharding.shards import shard_name

R = TypeVar("R", bound=msgspec.Struct)
SOURCES: tuple[Source, ...] = (crates, dataset, repository)
"""The kinds of sources, in the order of their shards."""


@dataclass(frozen=True)
class Chain:
    """Several sources as one job: the shards of the first, then those of the next."""

    jobs: tuple[SourceJob, ...]

    @property
    def shards(self) -> int:
        """The number of shards of all sources together."""
        return sum(job.shards for job in self.jobs)

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one shard with the job that it belongs to."""
        for job in self.jobs:
            if index < job.shards:
                return job(index, folder)
            index -= job.shards
        raise AssertionError("no such shard")


def check(section: HarvestSection) -> None:
    """Raise InputError for a wrong entry of the section, and EnvironmentFault for a missing source on this machine."""
    Gate(section.licences)
    for source in SOURCES:
        source.check(section)


def harvest(
    section: HarvestSection,
    out: Path,
    *,
    workers: Workers,
    cache: Path,
    progress: ProgressCallback = no_progress,
) -> HarvestReport:
    """Write shards of SourceFile records below `out/files`, with `out/crates.jsonl` and `out/refused.jsonl`.

    Downloads are kept in `cache`. Raises InputError for a wrong entry of the section or too few admitted crates, and
    EnvironmentFault when no source of crates answers. A killed run resumes when it is run again, with the same bytes.
    """
    check(section)
    plans = [source.plan(section, cache, progress) for source in SOURCES]
    job = Chain(tuple(part for plan in plans for part in plan.jobs))
    bind_to_plan(out, {"harvest": [msgspec.to_builtins(part) for part in job.jobs]})
    summaries = run(job, job.shards, out / "files", workers=workers, progress=progress)
    shards = [out / "files" / shard_name(index) for index in range(job.shards)]
    admitted = _gather(shards, CRATES, CrateRecord)
    rejected = [*(crate for plan in plans for crate in plan.rejected), *_gather(shards, REJECTED, RejectedCrate)]
    write_jsonl(out / CRATES, admitted)
    write_jsonl(out / REJECTED, rejected)
    if len(admitted) < section.min_crates:
        raise InputError(_too_few(section, len(admitted), rejected))
    origin, note = next(((plan.origin, plan.note) for plan in plans if plan.origin), ("", ""))
    requests = sum(plan.requests for plan in plans)
    return harvest_report(origin, note, requests, admitted, rejected, summaries, section.max_files_per_crate)


def _gather(shards: Sequence[Path], file: str, kind: type[R]) -> list[R]:
    """The records of a file that some of the shards hold."""
    return [record for shard in shards if (shard / file).exists() for record in read_jsonl(shard / file, kind)]


def _too_few(section: HarvestSection, admitted: int, rejected: Iterable[RejectedCrate]) -> str:
    reasons = "; ".join(f"{crate.name}: {crate.reason} ({crate.detail[:80]})" for crate in list(rejected)[:5])
    return (
        f"harvest: {admitted} crates passed the gate, the profile asks for {section.min_crates} (harvest.min_crates). "
        f"{reasons}"
    )
