"""The crates of held-out pairs: where each lies, what it is built against, and where the pair's function stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rustml.judge.in_crate.dependencies import Dependencies, DependencyStore
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.in_crate.sites import InsertionSite, SiteNotFound, crate_folder, locate, vendor_folder
from rustml.origin import SPARSE
from rustml.progress import LabelledProgress
from rustml.records import Pair


@dataclass(frozen=True)
class Sources:
    """Where crates, and what they depend on, are found."""

    unpacked: Path
    """Folder in which harvest unpacked archives, by checksum."""
    dependencies: str
    """Cargo directory source; empty takes the one that a crate itself came from, or what its registry has."""
    cache: Path
    """Crates built before."""
    brought: Path
    """Cache of what crates of a registry depend on."""
    registry: CargoSource | None = None
    """Brings what crates of a registry depend on; None asks the registry that a crate came from."""


@dataclass(frozen=True)
class LocatedPairs:
    """The sites of pairs, or why they have none."""

    sites: list[InsertionSite] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    """By pair id, as a short name."""
    dependencies: dict[str, Dependencies] = field(default_factory=dict)
    """By crate, of those that came from a registry."""


def locate_pairs(pairs: Sequence[Pair], sources: Sources, cargo: Path, watch: LabelledProgress) -> LocatedPairs:
    """Find each pair's function, after the dependencies of all crates were brought.

    Raises EnvironmentFault where a registry does not answer, and InputError where `sources.dependencies`
    cannot be read as a source.
    """
    located = LocatedPairs()
    folders: dict[str, Path] = {}
    for pair in pairs:
        try:
            folders[pair.id] = crate_folder(pair.origin, sources.unpacked)
        except SiteNotFound as fault:
            located.faults[pair.id] = str(fault)
    present = [pair for pair in pairs if pair.id in folders]
    vendors = _vendors(present, folders, sources, cargo, watch, located.dependencies)
    for pair in present:
        vendor = vendors[folders[pair.id]]
        try:
            if isinstance(vendor, str):
                raise SiteNotFound(vendor)
            located.sites.append(locate(pair, folders[pair.id], vendor))
        except SiteNotFound as fault:
            located.faults[pair.id] = str(fault)
    return located


def label(pair: Pair) -> str:
    """The pair's crate, as Cargo names its folder."""
    return f"{pair.origin.name}-{pair.origin.version}"


def _vendors(
    pairs: Sequence[Pair],
    folders: Mapping[str, Path],
    sources: Sources,
    cargo: Path,
    watch: LabelledProgress,
    record: dict[str, Dependencies],
) -> dict[Path, Path | str]:
    """By crate folder, its directory source, or why it has none."""
    vendors: dict[Path, Path | str] = {}
    to_bring: dict[str, dict[str, Pair]] = {}
    for pair in pairs:
        vendor = vendor_folder(pair.origin, sources.dependencies)
        if vendor is not None:
            vendors[folders[pair.id]] = vendor
        else:
            to_bring.setdefault(pair.origin.registry, {})[label(pair)] = pair
    for registry, crates in sorted(to_bring.items()):
        if sources.registry is None and not registry.startswith(SPARSE):
            vendors |= dict.fromkeys((folders[pair.id] for pair in crates.values()), "no_dependencies")
            continue
        source = sources.registry or CargoSource.sparse(registry)
        with DependencyStore(sources.brought, source, cargo) as store:
            for done, (name, pair) in enumerate(sorted(crates.items()), start=1):
                made = store.bring(folders[pair.id])
                record[name] = made
                vendors[folders[pair.id]] = made.fault or store.folder(made)
                watch("dependencies of hold-out crates", done, len(crates))
    return vendors
