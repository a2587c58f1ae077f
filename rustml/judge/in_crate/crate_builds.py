"""Crates as their files' origins name them: where each lies, what it is built against, and the build itself."""

from functools import cache
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.dependencies import DependencyStore
from rustml.judge.in_crate.prepared_crate import PreparedCrate, prepare
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.in_crate.sites import vendor_folder
from rustml.origin import SPARSE, crate_folder
from rustml.records import Origin, Record


class Places(Record, frozen=True):
    """Where crates, what they depend on, and what is built of them lie; and what holds the builds."""

    cache: CacheLayout
    dependencies: str = ""
    """Cargo directory source; empty takes the one that a crate itself came from, or what its registry has."""
    beside: str = ""
    """Cargo directory source of what repositories depend on; empty for none."""
    sandbox: str = "auto"
    """Of builds, of candidates' compilations and of their tests, as `judge.sandbox` names it."""


class UnfitCrate(Exception):
    """A crate that cannot be used; the text is the reason's short name."""


def folder_of_crate(origin: Origin, places: Places) -> Path:
    """The crate's full source. Raises UnfitCrate where it is not on this machine."""
    folder = crate_folder(origin, places.cache.unpacked_crates)
    if folder is None:
        raise UnfitCrate("no_crate_source")
    return folder


def vendor_of_crate(origin: Origin, folder: Path, places: Places, sandbox: CrateSandbox) -> Path:
    """The directory source that the crate in `folder` is built against. Raises UnfitCrate for a crate without one."""
    vendor = vendor_folder(origin, places.dependencies)
    if vendor is not None:
        return vendor
    if not origin.registry.startswith(SPARSE):
        raise UnfitCrate("no_dependencies")
    source, cargo = CargoSource.sparse(origin.registry), sandbox.tools.sysroot / "bin" / "cargo"
    with DependencyStore(places.cache.dependencies, source, cargo) as store:
        made = store.bring(folder)
    if made.fault:
        raise UnfitCrate(made.fault)
    return store.folder(made)


def built_crate(folder: Path, vendor: Path, places: Places, sandbox: CrateSandbox, *, tests: bool) -> PreparedCrate:
    """The crate with what it depends on, built now or before; without its tests where they are not needed."""
    return prepare(folder, vendor, places.cache.built_crates, sandbox, vendor_digest=_contents(vendor), tests=tests)


@cache
def _contents(vendor: Path) -> str:
    """Of a directory source, which a process takes for unchanging."""
    return directory_source_contents(vendor)
