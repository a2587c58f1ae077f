"""Harvest licence-clean Rust crates with their provenance."""

from collections.abc import Mapping
from pathlib import Path

import click

from rustml.cache_layout import CacheLayout
from rustml.corpus.harvest import harvest
from rustml.corpus.sources.crate import CrateRecord
from rustml.corpus.sources.dataset import plan as plan_dataset
from rustml.corpus.sources.repository import plan as plan_repository
from rustml.profile import Profile
from rustml.records import read_jsonl
from rustml.runs import tracking
from rustml.runs.contents import directory_source_contents, file_contents, files_contents
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.sharding.plots import draw_report


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the sources on this machine. Raises InputError for one that does not exist, or has no usable licence.

    Of a repository only the commit at HEAD is read, and so counts. The directory source counts beside a registry too:
    whether the registry answers is known only when the stage runs.
    """
    section = profile.harvest
    texts: dict[ProfilePath, str] = {}
    if section.crates_file:
        texts["harvest", "crates_file"] = file_contents(Path(section.crates_file), "harvest.crates_file")
    for number, dataset in enumerate(section.datasets):
        files = [Path(file) for file in plan_dataset(dataset, section.licences).files]
        if files:
            digest = files_contents(files, "harvest.datasets")
            texts["harvest", "datasets", number, "name"] = f"{dataset.name}@{digest}"
    for number, repository in enumerate(section.repositories):
        head = plan_repository(repository, section.licences).head
        texts["harvest", "repositories", number, "path"] = f"{repository.path}@{head}"
    if section.directory and Path(section.directory).is_dir():
        digest = directory_source_contents(Path(section.directory))
        texts["harvest", "directory"] = f"{section.directory}@{digest}"
    return texts


def has_unpacked_crates(output: Path, cache: CacheLayout) -> bool:
    """Whether every crate that the run unpacked is still in the cache, where in-crate suites look for it."""
    crates = [r.crate for r in read_jsonl(output / "crates.jsonl", CrateRecord) if r.unpacked]
    archives = [crate for crate in crates if crate.kind == "archive"]
    folders = (cache.unpacked_crates / c.archive_sha256 / f"{c.name}-{c.version}" for c in archives)
    return all(folder.is_dir() for folder in folders)


STAGE = Stage("harvest", ("harvest",), __name__, contents, usable=has_unpacked_crates)


def run(profile: Profile, *, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        with Progress("harvest") as progress:
            report = harvest(
                profile.harvest,
                space.out,
                workers=worker_count(profile.engine),
                cache=space.cache.root,
                progress=progress,
            )
        click.echo(f"  crates from {report.source}" + (f" ({report.note})" if report.note else ""))
        draw_report(report, space.report / "plots")
        tags = {"harvest.source": report.source, "harvest.note": report.note}
        return Outcome(report.metrics(), report.tables(), {"crates": space.out / "files"}, tags)

    return tracking.run_stage(STAGE, profile, body, parent=parent, reuse=reuse)
