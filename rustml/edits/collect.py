"""Make the verified changes of curated crates, one crate at a time."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from rustml.contents import directory_source_contents
from rustml.edits import compile_errors, lint_fixes
from rustml.edits.report import EditsReport
from rustml.edits.targets import Target, targets, unchanged
from rustml.edits.trials import Trials
from rustml.errors import InputError
from rustml.judge import Limits
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.dependencies import DependencyStore
from rustml.judge.in_crate.prepared_crate import prepare
from rustml.judge.in_crate.resolution import CargoSource
from rustml.judge.in_crate.sites import vendor_folder
from rustml.origin import SPARSE, crate_folder
from rustml.profile.edits import EditsSection
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES, Edit, Origin, Record, SourceFile, read_jsonl, write_jsonl
from rustml.rust.functions import body_lines
from rustml.sharding import Funnel, Summary, Workers, bind_to_plan, merge, run
from rustml.sharding.shards import finished_shards, read_summary, remove_atomically, shard_name

EDITS = "edits"
"""Stem of the output file."""
STEPS = ("crate", "function", *lint_fixes.STEPS, *compile_errors.STEPS)


class Places(Record, frozen=True):
    """Where crates, what they depend on, and what is built of them lie."""

    unpacked: str
    """Folder in which harvest unpacked archives, by checksum."""
    dependencies: str
    """Cargo directory source; empty takes the one that a crate itself came from, or what its registry has."""
    built: str
    """Cache of crates built before."""
    brought: str
    """Cache of what crates of a registry depend on."""


class CuratedCrate(Record, frozen=True):
    """A crate among the curated files."""

    shard: str
    """Folder of the shard that holds its files."""
    name: str
    version: str


class CollectEdits(Record, frozen=True):
    """The job: one shard per crate."""

    section: EditsSection
    crates: tuple[CuratedCrate, ...]
    places: Places
    compile_seconds: float
    memory_mb: int
    disk_mb: int

    def __call__(self, index: int, folder: Path) -> Summary:
        """Write the changes of one crate; one that cannot be compiled here has none, and its reason is counted."""
        crate, funnel = self.crates[index], Funnel(STEPS)
        files = [
            file
            for file in read_jsonl(Path(crate.shard) / SOURCE_FILES, SourceFile)
            if (file.origin.kind, file.origin.name, file.origin.version) == ("crate", crate.name, crate.version)
        ]
        try:
            edits = self._edits(files, funnel)
            funnel.keep("crate")
        except _Unfit as reason:
            edits = []
            funnel.drop("crate", str(reason), f"{crate.name}-{crate.version}")
        return Summary(records=write_jsonl(folder / f"{EDITS}.jsonl", edits), funnel=funnel.steps())

    def _edits(self, files: Sequence[SourceFile], funnel: Funnel) -> list[Edit]:
        """All changes of a crate. Raises _Unfit where it cannot be compiled, JudgeFault where the sandbox fails."""
        folder = crate_folder(files[0].origin, Path(self.places.unpacked))
        if folder is None:
            raise _Unfit("no_crate_source")
        own = list(unchanged(files, folder).values())
        limits = Limits(compile_seconds=self.compile_seconds, memory_mb=self.memory_mb, disk_mb=self.disk_mb)
        sandbox = CrateSandbox(limits)
        try:
            vendor = self._vendor(files[0].origin, folder, sandbox)
            digest = directory_source_contents(vendor)
            built = prepare(folder, vendor, Path(self.places.built), sandbox, vendor_digest=digest, tests=False)
            chosen = list(targets(own, folder, self.section.max_function_characters, funnel))
            return list(self._of(Trials(sandbox, built), chosen, funnel))
        except ValueError as reason:
            raise _Unfit(str(reason)) from reason
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
        """The directory source that the crate is built against. Raises _Unfit for a crate that has none."""
        vendor = vendor_folder(origin, self.places.dependencies)
        if vendor is not None:
            return vendor
        if not origin.registry.startswith(SPARSE):
            raise _Unfit("no_dependencies")
        source, cargo = CargoSource.sparse(origin.registry), sandbox.tools.sysroot / "bin" / "cargo"
        with DependencyStore(Path(self.places.brought), source, cargo) as store:
            made = store.bring(folder)
        if made.fault:
            raise _Unfit(made.fault)
        return store.folder(made)


class _Unfit(Exception):
    """A crate that makes no changes; the text is the reason's short name."""


def collect(
    section: EditsSection,
    limits: Limits,
    source: Path,
    out: Path,
    places: Places,
    *,
    workers: Workers,
    progress: ProgressCallback = no_progress,
) -> EditsReport:
    """Write `edits.jsonl`: the changes of the crates in the curated corpus `source`, in its order.

    Raises InputError when `source` is no corpus or holds no crate, JudgeFault where the sandbox fails. A killed run
    resumes with the crates that it had finished.
    """
    shards = finished_shards(source / "files")
    crates = _chosen([crate for shard in shards for crate in _crates(shard)], section.crates)
    if not crates:
        raise InputError("edits: the corpus holds no crate; harvest some, since repositories and data sets have none")
    job = CollectEdits(
        section=section,
        crates=tuple(crates),
        places=places,
        compile_seconds=limits.compile_seconds,
        memory_mb=limits.memory_mb,
        disk_mb=limits.disk_mb,
    )
    inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
    bind_to_plan(out, {"section": msgspec.to_builtins(section), "inputs": inputs, "limits": vars(limits)})
    summaries = run(job, len(crates), out / "work", workers=workers, progress=progress)
    paths = [out / "work" / shard_name(index) / f"{EDITS}.jsonl" for index in range(len(crates))]
    write_jsonl(out / f"{EDITS}.jsonl", (edit for path in paths for edit in read_jsonl(path, Edit)))
    remove_atomically(out / "work")
    edits = list(read_jsonl(out / f"{EDITS}.jsonl", Edit))
    return EditsReport.of(edits, merge([summary.funnel for summary in summaries], STEPS))


def _crates(shard: Path) -> Iterator[CuratedCrate]:
    origins = (file.origin for file in read_jsonl(shard / SOURCE_FILES, SourceFile))
    for (kind, name, version), _ in groupby(origins, lambda one: (one.kind, one.name, one.version)):
        if kind == "crate":
            yield CuratedCrate(shard=str(shard), name=name, version=version)


def _chosen(crates: Sequence[CuratedCrate], most: int) -> list[CuratedCrate]:
    """All crates once, or the `most` whose names have the smallest hash, in the corpus's order."""
    unique = list(dict.fromkeys(crates))
    if not most:
        return unique
    hashed = sorted(unique, key=lambda one: hashlib.sha256(f"edits {one.name}".encode()).digest())
    chosen = set(hashed[:most])
    return [crate for crate in unique if crate in chosen]
