"""Crates as a source: from a sparse registry, or from the Cargo directory source that the profile declares."""

import logging
from collections.abc import Sequence
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents, file_contents
from rustml.corpus.sources import directory, registry
from rustml.corpus.sources.crate import Crate, CrateRequest, RejectedCrate, parse_request
from rustml.corpus.sources.http_client import Unavailable
from rustml.corpus.sources.read_crates import ReadCrates
from rustml.corpus.sources.source import Contents, Planned
from rustml.errors import EnvironmentFault, InputError
from rustml.origin import directory_registry
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback

log = logging.getLogger(__name__)

DEBIAN_HINT = "apt-get install $(grep -v '^#' scripts/corpus-debian-tiny.txt)"


def check(section: HarvestSection) -> None:
    """Raise InputError for a bad list of crates."""
    if not crate_list(section) and section.registry:
        raise InputError(
            "harvest.crates: a registry needs a list of names; 'all' is for a directory source alone (registry: \"\")"
        )


def contents(section: HarvestSection) -> Contents:
    """Digests of the list and of the directory source.

    The directory source counts beside a registry too: only the run itself shows whether the registry answers.
    """
    digests: Contents = {}
    if section.crates_file:
        digests["crates_file",] = file_contents(Path(section.crates_file), "harvest.crates_file")
    if section.directory and Path(section.directory).is_dir():
        digest = directory_source_contents(Path(section.directory))
        digests["directory",] = f"{section.directory}@{digest}"
    return digests


def plan(section: HarvestSection, cache: Path, progress: ProgressCallback) -> Planned:
    """Obtain the crates from the registry, or from the declared directory source when the registry does not answer."""
    requests = crate_list(section)
    if not section.registry:
        return _from_directory(section, requests, cache, why="no registry is named", note="")
    try:
        crates, rejected = registry.obtain(section, requests, cache, progress)
    except Unavailable as error:
        planned = _from_directory(section, requests, cache, why=str(error), note=str(error))
        log.warning("%s. The declared alternative is used: directory source %s", error, section.directory)
        return planned
    return _planned(section, cache, crates, rejected, section.registry, note="")


def _from_directory(
    section: HarvestSection, requests: Sequence[CrateRequest], cache: Path, *, why: str, note: str
) -> Planned:
    if not section.directory or not Path(section.directory).is_dir():
        raise EnvironmentFault(_no_source(section, why))
    crates, rejected = directory.resolve(Path(section.directory), requests)
    return _planned(section, cache, crates, rejected, directory_registry(section.directory), note)


def _planned(
    section: HarvestSection,
    cache: Path,
    crates: Sequence[Crate],
    rejected: Sequence[RejectedCrate],
    origin: str,
    note: str,
) -> Planned:
    job = ReadCrates(section=section, crates=tuple(crates), unpack=str(CacheLayout(cache).unpacked_crates))
    # Each request ends as a crate to be read or as a rejected one.
    return Planned((job,), origin, note, tuple(rejected), requests=len(crates) + len(rejected))


def _no_source(section: HarvestSection, why: str) -> str:
    folder = section.directory or "(none is named)"
    return (
        f"no source of crates: {why}; and the directory source {folder} does not exist. Make the registry reachable, "
        f"or fill a directory source: on Debian or Ubuntu with\n    {DEBIAN_HINT}\n"
        f"or elsewhere with `cargo vendor`, and name its folder in harvest.directory"
    )


def crate_list(section: HarvestSection) -> list[CrateRequest]:
    """The requested crates in order of priority, each once; empty for `all`. Raises InputError on a bad line."""
    lines = [*section.crates, *_file_lines(section.crates_file)]
    if lines == ["all"]:
        return []
    if not lines or "all" in lines:
        raise InputError("harvest.crates: name at least one crate, or 'all' by itself")
    first: dict[str, CrateRequest] = {}
    for request in map(parse_request, lines):
        first.setdefault(request.name, request)
    return list(first.values())


def _file_lines(path: str) -> list[str]:
    if not path:
        return []
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"harvest.crates_file: cannot read {path}: {error}") from error
    bare = (line.partition("#")[0].strip() for line in lines)
    return [line for line in bare if line]
