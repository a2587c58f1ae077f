"""The work on one crate, or on one commit of a repository."""

import tempfile
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from rustml.edits import compile_errors, lint_fixes
from rustml.edits.commits import Commit, Unsuited
from rustml.edits.history import Surroundings, history_edits
from rustml.edits.targets import Target, targets, unchanged
from rustml.edits.trials import Trials
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places, UnfitCrate, built_crate, folder_of_crate, vendor_of_crate
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.profile.edits import EditsSection
from rustml.records import SOURCE_FILES, Edit, Record, SourceFile, read_jsonl, write_jsonl
from rustml.rust.functions import body_lines
from rustml.sharding import Funnel, Summary

EDITS = "edits"
"""Stem of the output file, and of each shard's."""
STEPS = ("crate", "function", *lint_fixes.STEPS, *compile_errors.STEPS, "commit")


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
        sandbox = CrateSandbox(self.limits, self.places.sandbox)
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
        folder = folder_of_crate(files[0].origin, self.places)
        own = list(unchanged(files, folder).values())
        sandbox = CrateSandbox(self.limits, self.places.sandbox)
        try:
            vendor = vendor_of_crate(files[0].origin, folder, self.places, sandbox)
            built = built_crate(folder, vendor, self.places, sandbox, tests=False)
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
