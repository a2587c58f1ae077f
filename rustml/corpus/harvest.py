"""Bring Rust source in: obtain crates, hold the licence gate, and write each surviving file with its provenance."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from rustml.cache_layout import CacheLayout
from rustml.corpus.gate.admit_crates import CRATES, REFUSED, TakeCrates
from rustml.corpus.report import HarvestReport, harvest_report
from rustml.corpus.sources import directory, registry
from rustml.corpus.sources.crate import Crate, CrateRecord, Refused, Wanted, parse_wanted
from rustml.corpus.sources.dataset import plan as plan_dataset
from rustml.corpus.sources.http_client import Unavailable
from rustml.corpus.sources.repository import plan as plan_repository
from rustml.errors import EnvironmentFault, InputError
from rustml.licence import Gate
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import read_jsonl, write_jsonl
from rustml.sharding import Summary, Workers, bind_to_plan, run
from rustml.sharding.shards import finished_shards

log = logging.getLogger(__name__)

DEBIAN_HINT = "apt-get install $(grep -v '^#' scripts/corpus-debian-tiny.txt)"


class Part(Protocol):
    """A source's job, and how many shards it makes."""

    @property
    def shards(self) -> int:
        """How many."""
        ...

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write one of them."""
        ...


@dataclass(frozen=True)
class Chain:
    """Several sources as one job: the shards of the first, then those of the next."""

    jobs: tuple[Part, ...]

    @property
    def shards(self) -> int:
        """Of all sources together."""
        return sum(job.shards for job in self.jobs)

    def __call__(self, index: int, folder: Path) -> Summary:
        """Hand the shard to the source that it belongs to."""
        for job in self.jobs:
            if index < job.shards:
                return job(index, folder)
            index -= job.shards
        raise AssertionError("no such shard")


@dataclass(frozen=True)
class Obtained:
    """The crates whose bytes are at hand, and which source they came from."""

    source: str
    note: str
    """Why this source; empty where it is the one the profile names first."""
    crates: Sequence[Crate]
    refused: Sequence[Refused]


def harvest(
    section: HarvestSection,
    out: Path,
    *,
    workers: Workers,
    cache: Path,
    progress: ProgressCallback = no_progress,
) -> HarvestReport:
    """Write shards of SourceFile records below `out/files`, with `out/crates.jsonl` and `out/refused.jsonl`.

    Archives are kept in `cache` by checksum. Raises InputError for a bad list or too few crates through the gate,
    EnvironmentFault when no source answers. Killed and run again, it goes on, and ends with the same bytes.
    """
    Gate(section.licences)
    others: list[Part] = [plan_dataset(source, section.licences) for source in section.datasets]
    others += [plan_repository(source, section.licences) for source in section.repositories]
    obtained = obtain(section, cache, progress)
    crates = TakeCrates(section=section, crates=tuple(obtained.crates), unpack=str(CacheLayout(cache).unpacked_crates))
    job = Chain((crates, *others))
    bind_to_plan(out, {"harvest": [msgspec.to_builtins(part) for part in job.jobs]})
    summaries = run(job, job.shards, out / "files", workers=workers, progress=progress)
    shards = finished_shards(out / "files")[: crates.shards] if summaries else []
    kept = [record for shard in shards for record in read_jsonl(shard / CRATES, CrateRecord)]
    late = [record for shard in shards for record in read_jsonl(shard / REFUSED, Refused)]
    refused = [*obtained.refused, *late]
    write_jsonl(out / "crates.jsonl", kept)
    write_jsonl(out / "refused.jsonl", refused)
    if len(kept) < section.min_crates:
        raise InputError(_too_few(section, len(kept), refused))
    return harvest_report(obtained.source, obtained.note, kept, refused, summaries)


def obtain(section: HarvestSection, cache: Path, progress: Callable[[int, int], None]) -> Obtained:
    """Ask the registry; where it does not answer, use the declared directory source and say so."""
    wanted = crate_list(section)
    if not section.registry:
        return _from_directory(section, wanted, "no registry is named", note="")
    if not wanted:
        raise InputError("harvest.crates: 'all' needs a directory source alone; a registry needs a list of names")
    try:
        return Obtained(section.registry, "", *registry.obtain(section, wanted, cache, progress))
    except Unavailable as error:
        obtained = _from_directory(section, wanted, str(error), note=str(error))
        log.warning("%s. The declared alternative is used: directory source %s", error, section.directory)
        return obtained


def _from_directory(section: HarvestSection, wanted: Sequence[Wanted], why: str, note: str) -> Obtained:
    if not section.directory or not Path(section.directory).is_dir():
        raise EnvironmentFault(_no_source(section, why))
    return Obtained(f"directory+{section.directory}", note, *directory.resolve(Path(section.directory), wanted))


def _no_source(section: HarvestSection, why: str) -> str:
    place = section.directory or "(none is named)"
    return (
        f"no source of crates: {why}; and the directory source {place} is not there. Make the registry reachable, or "
        f"fill a directory source: on Debian or Ubuntu with\n    {DEBIAN_HINT}\n"
        f"or elsewhere with `cargo vendor`, and name its folder in harvest.directory"
    )


def crate_list(section: HarvestSection) -> list[Wanted]:
    """The wanted crates in order of priority, each once; empty for `all`. Raises InputError on a bad line."""
    lines = [*section.crates, *_file_lines(section.crates_file)]
    if lines == ["all"]:
        return []
    if not lines or "all" in lines:
        raise InputError("harvest.crates: name at least one crate, or 'all' by itself")
    first: dict[str, Wanted] = {}
    for wanted in map(parse_wanted, lines):
        first.setdefault(wanted.name, wanted)
    return list(first.values())


def _file_lines(name: str) -> list[str]:
    if not name:
        return []
    try:
        lines = Path(name).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"harvest.crates_file: cannot read {name}: {error}") from error
    bare = (line.partition("#")[0].strip() for line in lines)
    return [line for line in bare if line]


def _too_few(section: HarvestSection, kept: int, refused: Iterable[Refused]) -> str:
    reasons = "; ".join(f"{crate.name}: {crate.reason} ({crate.detail[:80]})" for crate in list(refused)[:5])
    return f"harvest: {kept} crates came through the gate, the profile asks for {section.min_crates}. {reasons}"
