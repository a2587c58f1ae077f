"""The work on one crate, or on one commit of a repository."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from rustml.cache_layout import CacheLayout
from rustml.contents import directory_source_contents
from rustml.edits import compile_errors, lint_fixes
from rustml.edits.commits import Commit, Unsuited
from rustml.edits.history import Surroundings, history_edits
from rustml.edits.targets import Target, targets, unchanged
from rustml.edits.trials import Trials, UnfitCrate
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.dependencies import DependencyStore
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.in_crate.sites import vendor_folder
from rustml.origin import SPARSE, crate_folder
from rustml.profile.edits import EditsSection
from rustml.records import SOURCE_FILES, Edit, Origin, Record, SourceFile, read_jsonl, write_jsonl
from rustml.rust.functions import body_lines
from rustml.sharding import Funnel, Summary

EDITS = "edits"
"""Stem of the output file, and of each shard's."""
STEPS = ("crate", "function", *lint_fixes.STEPS, *compile_errors.STEPS, "commit")


class Places(Record, frozen=True):
    """Where crates, what they depend on, and what is built of them lie."""

    cache: CacheLayout
    dependencies: str = ""
    """Cargo directory source; empty takes the one that a crate itself came from, or what its registry has."""
    beside: str = ""
    """Cargo directory source of what repositories depend on; empty for none."""


class CuratedCrate(Record, frozen=True):
    """A crate among the curated files."""

    shard: str
    """Folder of the shard that holds its files."""
    name: str
    version: str


class CuratedRepository(Record, frozen=True):
    """A team's repository whose files are among the curated ones."""

    path: str
    head: str
    licence: str
    files: tuple[str, ...]
    """Paths of its curated files."""


class CollectEdits(Record, frozen=True):
    """The job: one shard per crate, then one per commit."""

    section: EditsSection
    crates: tuple[CuratedCrate, ...]
    repositories: tuple[CuratedRepository, ...]
    commits: str
    """File of the commits, in the order of their shards."""
    places: Places
    limits: Limits

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the changes of one crate or commit; the reason why one has none is counted."""
        funnel = Funnel(STEPS)
        make = self._of_crate if index < len(self.crates) else self._of_commit
        edits = make(index, funnel)
        return Summary(records=write_jsonl(folder / f"{EDITS}.jsonl", edits), funnel=funnel.steps())

    def _of_crate(self, index: int, funnel: Funnel) -> list[Edit]:
        crate = self.crates[index]
        files = [
            file
            for file in read_jsonl(Path(crate.shard) / SOURCE_FILES, SourceFile)
            if (file.origin.kind, file.origin.name, file.origin.version) == ("crate", crate.name, crate.version)
        ]
        try:
            edits = self._edits(files, funnel)
        except UnfitCrate as reason:
            funnel.drop("crate", str(reason), f"{crate.name}-{crate.version}")
            return []
        funnel.keep("crate")
        return edits

    def _of_commit(self, index: int, funnel: Funnel) -> list[Edit]:
        number = index - len(self.crates)
        commit = next(islice(read_jsonl(Path(self.commits), Commit), number, None))
        repository = next(one for one in self.repositories if one.path == commit.repository)
        sandbox = CrateSandbox(self.limits)
        try:
            with tempfile.TemporaryDirectory(prefix="rustml-vendor-") as empty:
                around = Surroundings(sandbox, Path(self.places.beside or empty), self.places.cache.built_crates)
                paths, most = frozenset(repository.files), self.section.commit_functions
                edits = history_edits(commit, repository.licence, paths, most, around)
        except Unsuited as reason:
            funnel.drop("commit", str(reason), f"{Path(commit.repository).name} {commit.sha[:12]}: {commit.subject}")
            return []
        finally:
            sandbox.close()
        funnel.keep("commit")
        return edits

    def _edits(self, files: Sequence[SourceFile], funnel: Funnel) -> list[Edit]:
        """All changes of a crate. Raises UnfitCrate where it cannot be compiled, JudgeFault where the sandbox fails."""
        folder = crate_folder(files[0].origin, self.places.cache.unpacked_crates)
        if folder is None:
            raise UnfitCrate("no_crate_source")
        own = list(unchanged(files, folder).values())
        sandbox = CrateSandbox(self.limits)
        try:
            vendor = self._vendor(files[0].origin, folder, sandbox)
            digest = directory_source_contents(vendor)
            built = prepare(folder, vendor, self.places.cache.built_crates, sandbox, vendor_digest=digest, tests=False)
            chosen = list(targets(own, folder, self.section.max_function_characters, funnel))
            return list(self._of(Trials(sandbox, built), chosen, funnel))
        finally:
            sandbox.close()

    def _of(self, trials: Trials, chosen: Sequence[Target], funnel: Funnel) -> Iterator[Edit]:
        section, most = self.section, self.section.max_notes_characters
        yield from lint_fixes.lint_fixes(trials, chosen, section.rounds, funnel)
        longer = [target for target in chosen if body_lines(target.function) >= section.min_body_lines]
        yield from compile_errors.compile_errors(trials, longer, section.attempts, most, funnel)
        yield from compile_errors.lifetimes(trials, longer, most, funnel)
        yield from compile_errors.error_handling(trials, longer, funnel)

    def _vendor(self, origin: Origin, folder: Path, sandbox: CrateSandbox) -> Path:
        """The directory source that the crate is built against. Raises UnfitCrate for a crate that has none."""
        vendor = vendor_folder(origin, self.places.dependencies)
        if vendor is not None:
            return vendor
        if not origin.registry.startswith(SPARSE):
            raise UnfitCrate("no_dependencies")
        source, cargo = CargoSource.sparse(origin.registry), sandbox.tools.sysroot / "bin" / "cargo"
        with DependencyStore(self.places.cache.dependencies, source, cargo) as store:
            made = store.bring(folder)
        if made.fault:
            raise UnfitCrate(made.fault)
        return store.folder(made)
