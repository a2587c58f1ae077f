"""Directory sources for crates of a registry: what each needs, brought once and kept under the digest of its lock.

    with DependencyStore(cache, CargoSource.sparse(index), cargo) as store:
        needed = store.bring(crate)      # the one step that uses the network
        store.folder(needed)             # a Cargo directory source, its Cargo.lock and this record within

A kill leaves folders named `.partial`, which the next run removes before it starts. Packages are read by the compiler
and never trained on: their licences are recorded and gate nothing.
"""

import fcntl
import hashlib
import shutil
import tempfile
import tomllib
from collections.abc import Collection
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import IO

import msgspec

from rustml.errors import InputError
from rustml.io import whole_folder, write_bytes
from rustml.judge.in_crate.manifest import Table
from rustml.judge.in_crate.resolution import (
    CHECKSUM,
    LOCK,
    MISSING,
    UNRESOLVED,
    CargoSource,
    DependencyRefused,
    Resolver,
    direct_dependencies,
    read_manifest,
    resolver_manifest,
)
from rustml.records import Record

REVISION = 1
"""Of how a crate's dependencies are chosen; a change makes every crate be resolved again."""
RECORD = "dependencies.json"
USE = "read by the compiler, not trained on"


class Package(Record, frozen=True):
    """A package that a crate was built against."""

    name: str
    version: str
    checksum: str
    """SHA-256 of its archive, as the index and the lock give it; Cargo verified it. Empty where the source has none."""
    licence: str
    """As its manifest says; empty where it does not. No gate reads it."""
    use: str = USE


class Dependencies(Record, frozen=True):
    """What a crate and its tests need, or why it cannot be had."""

    lock: str = ""
    """SHA-256 of Cargo.lock, in hex; empty where there is a fault."""
    direct: tuple[str, ...] = ()
    """Packages that the crate itself depends on, in the manifest that was resolved."""
    dev: bool = True
    """Whether the dependencies of its tests are among them."""
    left_out: tuple[str, ...] = ()
    """Optional packages, and packages of tests or other machines, that the registry cannot give: Cargo's words."""
    packages: tuple[Package, ...] = ()
    fault: str = ""
    """Why the crate cannot be built, as a short name."""
    detail: str = ""
    """Cargo's words about the fault."""


def read_dependencies(source: Path) -> Dependencies | None:
    """The record of a directory source that a DependencyStore made; None for any other."""
    try:
        return msgspec.json.decode((source / RECORD).read_bytes(), type=Dependencies)
    except FileNotFoundError:
        return None


class DependencyStore(AbstractContextManager["DependencyStore"]):
    """Brings dependencies into a cache. One process at a time: another waits until this one leaves it."""

    def __init__(self, cache: Path, source: CargoSource, cargo: Path) -> None:
        self._cache, self._source = cache, source
        self._home = cache / "cargo-home.partial"
        self._resolver = Resolver(cargo, self._home, source)
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> "DependencyStore":
        self._cache.mkdir(parents=True, exist_ok=True)
        self._lock = (self._cache / "lock").open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._remove_partial()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove_partial()
        if self._lock is not None:
            fcntl.flock(self._lock, fcntl.LOCK_UN)  # a process forked meanwhile would hold it on
            self._lock.close()

    def _remove_partial(self) -> None:
        for path in self._cache.glob("*.partial"):
            shutil.rmtree(path, ignore_errors=True)

    def folder(self, dependencies: Dependencies) -> Path:
        """The directory source of dependencies without a fault."""
        return self._cache / dependencies.lock[:32]

    def bring(self, crate: Path) -> Dependencies:
        """What the crate in a folder needs, from the cache or from the registry.

        A dependency that cannot be had goes where it is optional, for tests or for another machine, as in the crate's
        own build; else it is the fault of the answer. A fault is not kept: the next call asks again. Raises
        EnvironmentFault where the registry does not answer.
        """
        try:
            manifest = read_manifest(crate)
        except InputError as error:
            return Dependencies(fault=UNRESOLVED, detail=str(error))
        settings = [REVISION, self._source.label, manifest]
        key = hashlib.sha256(msgspec.json.encode(settings, order="sorted", enc_hook=str)).hexdigest()[:32]
        known = self._cache / "resolved" / key
        if known.is_file():
            cached = read_dependencies(self._cache / known.read_text(encoding="utf-8"))
            if cached is not None:
                return cached
        made = self._made(manifest)
        if not made.fault:
            write_bytes(known, self.folder(made).name.encode())
        return made

    def _made(self, manifest: Table) -> Dependencies:
        """With the dependencies of its tests, else without."""
        left_out: tuple[str, ...] = ()
        for dev in (True, False):
            try:
                return self._attempt(manifest, Dependencies(dev=dev, left_out=left_out))
            except DependencyRefused as error:
                refused, left_out = error, (str(error),)
                if error.reason == CHECKSUM:  # to go on without it would hide a wrong archive
                    break
        return Dependencies(fault=refused.reason, detail=f"{refused.dependency}: {refused}".removeprefix(": "))

    def _attempt(self, manifest: Table, dependencies: Dependencies) -> Dependencies:
        """The dependencies that the registry has, one less after each that it refuses and the crate can do without."""
        available, left_out = direct_dependencies(manifest), [*dependencies.left_out]
        refused: DependencyRefused | None = None
        with tempfile.TemporaryDirectory(prefix="rustml-resolve-") as folder:
            while True:
                try:
                    reduced = resolver_manifest(manifest, available, dev=dependencies.dev)
                    names = tuple(sorted(direct_dependencies(reduced)))
                    wanted = msgspec.structs.replace(dependencies, direct=names, left_out=tuple(left_out))
                    return self._vendored(Path(folder), self._resolver.lock(reduced, Path(folder)), wanted)
                except InputError as error:
                    raise refused or DependencyRefused(MISSING, "", str(error)) from error
                except DependencyRefused as error:
                    if error.reason == CHECKSUM or error.dependency not in available:
                        raise
                    refused = error
                    available.discard(error.dependency)
                    left_out.append(str(error))

    def _vendored(self, project: Path, lock: bytes, dependencies: Dependencies) -> Dependencies:
        """The dependencies with their packages, which lie in the cache afterwards."""
        made = msgspec.structs.replace(dependencies, lock=hashlib.sha256(lock).hexdigest())
        folder = self.folder(made)
        cached = read_dependencies(folder)
        if cached is not None:
            return cached
        with whole_folder(folder) as partial:
            self._resolver.vendor(project, partial)
            made = msgspec.structs.replace(made, packages=tuple(_packages(lock, partial)))
            (partial / LOCK).write_bytes(lock)
            (partial / RECORD).write_bytes(msgspec.json.encode(made))
        return made


def _packages(lock: bytes, source: Path) -> Collection[Package]:
    """The packages of a lock: all but the crate itself, which has no source."""
    listed = [package for package in tomllib.loads(lock.decode())["package"] if "source" in package]
    return [
        Package(
            name=package["name"],
            version=package["version"],
            checksum=package.get("checksum", ""),
            licence=_licence(source / f"{package['name']}-{package['version']}"),
        )
        for package in listed
    ]


def _licence(package: Path) -> str:
    try:
        licence = tomllib.loads((package / "Cargo.toml").read_text(encoding="utf-8"))["package"].get("license", "")
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, AttributeError):
        return ""
    return licence if isinstance(licence, str) else ""
