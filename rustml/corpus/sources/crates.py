"""Crates as a source: from a sparse registry, or from the Cargo directory source that the profile declares."""

import logging
from collections.abc import Sequence
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.cargo import DirectorySource, LocalRegistry, Registry, SparseRegistry, resolve
from rustml.contents import directory_source_contents, file_contents
from rustml.corpus.sources import directory, local_registry, registry
from rustml.corpus.sources.crate import Crate, CrateRequest, RejectedCrate, parse_request
from rustml.corpus.sources.pace import Unavailable
from rustml.corpus.sources.read_crates import ReadCrates
from rustml.corpus.sources.source import Contents, Planned
from rustml.errors import EnvironmentFault, InputError
from rustml.io import folder_digest
from rustml.origin import directory_registry
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback

log = logging.getLogger(__name__)

NO_REGISTRY = "no registry is named"
DEBIAN_HINT = "apt-get install $(grep -v '^#' scripts/corpus-debian-tiny.txt)"


def check(section: HarvestSection) -> None:
    """Raise InputError for a bad list of crates, and for Cargo's settings where they lead to no source of crates.

    Raises EnvironmentFault where the only source, a directory, is missing.
    """
    if _wants_none(section):
        return
    source = _source(section)
    if not crate_list(section) and not isinstance(source, DirectorySource | None):
        raise InputError(
            "harvest.crates: a registry needs a list of names; 'all' is for a directory source alone (registry: \"\")"
        )
    if source is None:
        _declared_directory(section, why=NO_REGISTRY)


def _wants_none(section: HarvestSection) -> bool:
    """Whether the profile names no crate and needs none: repositories or data sets are all there is."""
    return not (section.min_crates or section.crates or section.crates_file)


def _source(section: HarvestSection) -> Registry | None:
    """What `harvest.registry` leads to; None where the directory source is the only one."""
    return resolve(section.registry) if section.registry else None


def contents(section: HarvestSection) -> Contents:
    """Digests of the list and of the directory source, and where Cargo's settings lead.

    The directory source counts beside a registry too: only the run itself shows whether the registry answers.
    """
    digests: Contents = {}
    if _wants_none(section):
        return digests
    if section.crates_file:
        digests["crates_file",] = file_contents(Path(section.crates_file), "harvest.crates_file")
    if section.directory and Path(section.directory).is_dir():
        digest = directory_source_contents(Path(section.directory))
        digests["directory",] = f"{section.directory}@{digest}"
    source = _source(section)
    if source is not None and "://" not in section.registry:
        digests["registry",] = _registry_contents(section.registry, source)
    return digests


def _registry_contents(name: str, source: Registry) -> str:
    """A name of Cargo's with what it stands for: a sparse registry by its address, a folder with its digest."""
    if isinstance(source, DirectorySource):
        return f"{name}: {source.label}@{directory_source_contents(source.folder)}"
    if isinstance(source, LocalRegistry):
        return f"{name}: {source.label}@{folder_digest(source.folder / local_registry.INDEX)}"
    return f"{name}: {source.label}"


def plan(section: HarvestSection, cache: Path, progress: ProgressCallback) -> Planned:
    """Obtain the crates from the registry, or from the declared directory source when the registry does not answer."""
    if _wants_none(section):
        return Planned(())
    requests = crate_list(section)
    source = _source(section)
    if isinstance(source, SparseRegistry):
        return _from_registry(section, source, requests, cache, progress)
    if isinstance(source, LocalRegistry):
        crates, rejected = local_registry.obtain(section, source, requests, cache)
        return _planned(section, cache, crates, rejected, source.label, note="")
    folder = source.folder if source else _declared_directory(section, why=NO_REGISTRY)
    return _from_directory(section, folder, requests, cache, note="")


def _from_registry(
    section: HarvestSection,
    source: SparseRegistry,
    requests: Sequence[CrateRequest],
    cache: Path,
    progress: ProgressCallback,
) -> Planned:
    try:
        crates, rejected = registry.obtain(section, source, requests, cache, progress)
    except Unavailable as error:
        folder = _declared_directory(section, why=str(error))
        planned = _from_directory(section, folder, requests, cache, note=str(error))
        log.warning("%s. The declared alternative is used: directory source %s", error, section.directory)
        return planned
    return _planned(section, cache, crates, rejected, source.label, note="")


def _declared_directory(section: HarvestSection, why: str) -> Path:
    """`harvest.directory`. Raises EnvironmentFault where it is not there."""
    if not section.directory or not Path(section.directory).is_dir():
        raise EnvironmentFault(_no_source(section, why))
    return Path(section.directory)


def _from_directory(
    section: HarvestSection, folder: Path, requests: Sequence[CrateRequest], cache: Path, note: str
) -> Planned:
    crates, rejected = directory.resolve(folder, requests)
    return _planned(section, cache, crates, rejected, directory_registry(folder), note)


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
        f"no source of crates: {why}; and the directory source {folder} does not exist. Make the registry reachable "
        f"(behind a mirror that Cargo is set up for: harvest.registry: cargo), "
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
