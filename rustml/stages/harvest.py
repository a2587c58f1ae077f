"""Harvest licence-clean Rust crates with their provenance."""

from collections.abc import Mapping
from pathlib import Path

import click

from rustml.cache_layout import CacheLayout
from rustml.corpus.harvest import SOURCES, harvest
from rustml.corpus.sources.crate import CrateRecord
from rustml.origin import archive_folder
from rustml.profile import Profile
from rustml.records import read_jsonl
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.stages.hub_commits import with_dataset_commits
from rustml.stages.report.funnel import reported


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the sources on this machine. Raises InputError for one that is missing or refused."""
    digests = {key: text for source in SOURCES for key, text in source.contents(profile.harvest).items()}
    return {("harvest", *key): text for key, text in digests.items()}


def has_unpacked_crates(output: Path, cache: CacheLayout) -> bool:
    """Whether every crate that the run unpacked is still in the cache, where in-crate suites look for it."""
    crates = [r.crate for r in read_jsonl(output / "crates.jsonl", CrateRecord) if r.unpacked]
    archives = [crate for crate in crates if crate.kind == "archive"]
    folders = (archive_folder(cache.unpacked_crates, c.archive_sha256) / c.label for c in archives)
    return all(folder.is_dir() for folder in folders)


STAGE = Stage("harvest", ("harvest",), __name__, contents, usable=has_unpacked_crates)


def run(profile: Profile, *, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage, or find the run that did the same; data sets of the hub are read at the commit of now."""
    profile = with_dataset_commits(profile)

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
        click.echo("".join(f"  {line}\n" for line in report.lines()), nl=False)
        tags = {"harvest.source": report.source, "harvest.note": report.note}
        return reported(report, space, {"crates": space.out / "files"}, tags)

    return tracking.run_stage(STAGE, profile, body, parent=parent, reuse=reuse)
