"""Make verified changes from a curated corpus: from each of its crates, then from the commits of its repositories."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from rustml.edits.commits import read_commits
from rustml.edits.jobs import EDITS, STEPS, CollectEdits, CuratedCrate, CuratedRepository
from rustml.edits.report import EditsReport
from rustml.errors import InputError
from rustml.git_repository import head
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.profile.edits import EditsSection
from rustml.profile.harvest import RepositorySource
from rustml.progress import ProgressCallback, no_progress
from rustml.records import SOURCE_FILES, Edit, SourceFile, read_jsonl, write_jsonl
from rustml.sharding import Workers, bind_to_plan, merge, run
from rustml.sharding.shards import finished_shards, read_summary, remove_atomically, shard_name


def collect(
    section: EditsSection,
    limits: Limits,
    source: Path,
    out: Path,
    places: Places,
    *,
    repositories: Sequence[RepositorySource] = (),
    workers: Workers,
    progress: ProgressCallback = no_progress,
) -> EditsReport:
    """Write `edits.jsonl`: the changes of the crates in the curated corpus `source`, in its order, then of commits.

    `repositories` are those of the harvest. Raises InputError when `source` is not a corpus or holds neither a crate
    nor a repository's files to look at, JudgeFault where the sandbox fails. A killed run resumes with the crates and
    commits that it had finished.
    """
    shards = finished_shards(source / "files")
    crates = _chosen([crate for shard in shards for crate in _crates(shard)], section.crates)
    teams = _repositories(repositories, shards) if section.commits else []
    if not crates and not teams:
        raise InputError("edits: the corpus holds no crate, and edits.commits asks for no commit of a repository in it")
    bind_to_plan(out, _plan(section, limits, shards, teams))
    work = out / "work"
    work.mkdir(exist_ok=True)
    commits = [commit for team in teams for commit in read_commits(team.path, team.head, section.commits)]
    write_jsonl(work / "commits.jsonl", commits)
    job = CollectEdits(
        section=section,
        crates=tuple(crates),
        repositories=tuple(teams),
        commits=str(work / "commits.jsonl"),
        places=places,
        limits=limits,
    )
    summaries = run(job, len(crates) + len(commits), work / "shards", workers=workers, progress=progress)
    edits = _gathered(work, len(summaries), out / f"{EDITS}.jsonl")
    return EditsReport.of(edits, merge([summary.funnel for summary in summaries], STEPS))


def _plan(
    section: EditsSection, limits: Limits, shards: Sequence[Path], teams: Sequence[CuratedRepository]
) -> dict[str, object]:
    """What decides the changes: a folder begun for another plan is not gone on with."""
    inputs = [read_summary(shard).digests[SOURCE_FILES] for shard in shards]
    heads = [[team.path, team.head] for team in teams]
    return {"section": msgspec.to_builtins(section), "inputs": inputs, "limits": vars(limits), "heads": heads}


def _gathered(work: Path, shards: int, path: Path) -> list[Edit]:
    """The changes of all shards, written to `path`; the working folder goes."""
    parts = [work / "shards" / shard_name(index) / f"{EDITS}.jsonl" for index in range(shards)]
    write_jsonl(path, (edit for part in parts for edit in read_jsonl(part, Edit)))
    remove_atomically(work)
    return list(read_jsonl(path, Edit))


def _repositories(sources: Sequence[RepositorySource], shards: Sequence[Path]) -> list[CuratedRepository]:
    """The repositories with curated files, each at its HEAD."""
    origins = [file.origin for shard in shards for file in read_jsonl(shard / SOURCE_FILES, SourceFile)]
    teams = []
    for source in sources:
        name = Path(source.path).name
        files = tuple(origin.path for origin in origins if (origin.kind, origin.name) == ("git", name))
        if files:
            teams.append(
                CuratedRepository(path=source.path, head=head(source.path), licence=source.licence, files=files)
            )
    return teams


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
