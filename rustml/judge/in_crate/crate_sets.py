"""The crates that problems name: resolved from a registry or a directory source, built once per set, kept by content.

    with CrateSets(CargoSource({"directory": folder}), cache, limits) as sets:
        compiled = sets.compiled(problem.dependencies)      # raises CratesUnavailable with the reason

Build scripts and macros of a dependency run in the sandbox alone. A registry is asked once for each set; what it gave
is kept, so that a later run is offline and meets the same versions.
"""

import tempfile
from functools import cached_property
from pathlib import Path

from rustml.cargo.registry import DirectorySource, resolve
from rustml.contents import directory_source_contents
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.dependencies import DependencyStore
from rustml.judge.in_crate.manifest import Table, document
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.judging import Closing
from rustml.judge.limits import Limits
from rustml.judge.rust.externs import INSIDE, Externs, extern_arguments
from rustml.profile.judge import JudgeSection
from rustml.records import Dependency

NAME = "crates-of-a-problem"


class CratesUnavailable(Exception):
    """A set of crates cannot be had. The text says why: which crate, and what Cargo or the compiler said."""


class CrateSets(Closing):
    """Sets of compiled crates, each made when it is first asked for."""

    def __init__(self, source: CargoSource, cache: Path, limits: Limits, *, sandbox: str = "auto") -> None:
        """Below `cache` lie what a registry gave and what was built. Raises as CrateSandbox does."""
        self._source, self._cache = source, cache
        self._sandbox = CrateSandbox(limits, sandbox)
        self._made: dict[tuple[Dependency, ...], Externs | CratesUnavailable] = {}

    @classmethod
    def of(cls, section: JudgeSection, cache: Path, limits: Limits) -> "CrateSets | None":
        """Those that a profile names under `judge.crates`; None where it names none.

        They are built in a sandbox also where the section asks for none, for candidates that are trusted.
        Raises InputError for a source that cannot be used, and as the constructor does.
        """
        if not section.crates:
            return None
        folder = Path(section.crates)
        registry = DirectorySource(folder.resolve()) if folder.is_dir() else resolve(section.crates)
        sandbox = section.sandbox if section.sandbox in ("bubblewrap", "landlock") else "auto"  # the tool knows `none`
        return cls(CargoSource.of(registry), cache, limits, sandbox=sandbox)

    def fault(self, dependencies: tuple[Dependency, ...]) -> str:
        """Why the set cannot be had; empty where it can."""
        try:
            self.compiled(dependencies)
        except CratesUnavailable as fault:
            return str(fault)
        return ""

    def close(self) -> None:
        """End what still runs."""
        self._sandbox.close()

    def compiled(self, dependencies: tuple[Dependency, ...]) -> Externs:
        """The set, from the cache or built now; `folder` names its content.

        Raises CratesUnavailable, and EnvironmentFault where a registry does not answer.
        """
        if dependencies not in self._made:
            try:
                self._made[dependencies] = self._make(dependencies)
            except CratesUnavailable as fault:
                self._made[dependencies] = fault
        made = self._made[dependencies]
        if isinstance(made, CratesUnavailable):
            raise made
        return made

    def _make(self, dependencies: tuple[Dependency, ...]) -> Externs:
        with tempfile.TemporaryDirectory(prefix="rustml-crates-") as parent:
            crate = Path(parent) / NAME
            (crate / "src").mkdir(parents=True)
            (crate / "src" / "lib.rs").touch()
            (crate / "Cargo.toml").write_text(document(_manifest(dependencies)), encoding="utf-8")
            vendor, cache = self._vendor(crate), self._cache / "built"
            prepared = prepare(crate, vendor, cache, self._sandbox, vendor_digest=self._directory_digest)
        if prepared.built.fault:
            raise CratesUnavailable(prepared.built.fault)
        (call,) = [call for call in prepared.built.invocations if call.is_library]
        target = prepared.folder / "target"
        return Externs(target, extern_arguments(call.replaced(str(target), INSIDE).arguments))

    @cached_property
    def _directory_digest(self) -> str:
        """Of a directory source, which may be large, the contents once for all sets; empty for a registry."""
        folder = self._source.settings.get("directory")
        return directory_source_contents(Path(folder)) if folder is not None else ""

    def _vendor(self, crate: Path) -> Path:
        """The directory source to build against."""
        folder = self._source.settings.get("directory")
        if folder is not None:
            return Path(folder)
        with DependencyStore(
            self._cache / "brought", self._source, self._sandbox.tools.sysroot / "bin" / "cargo"
        ) as store:
            made = store.bring(crate)
            if made.fault:
                raise CratesUnavailable(f"{made.fault}: {made.detail}")
            return store.folder(made)


def _manifest(dependencies: tuple[Dependency, ...]) -> Table:
    package = {"name": NAME, "version": "0.0.0", "edition": "2021"}
    return {"package": package, "dependencies": {one.name: _table(one) for one in dependencies}}


def _table(dependency: Dependency) -> Table:
    table: Table = {"version": dependency.version, "default-features": dependency.default_features}
    if dependency.features:
        table["features"] = list(dependency.features)
    if dependency.package:
        table["package"] = dependency.package
    return table
