"""Harvest licence-clean Rust crates with their provenance."""

import click

from rustml.corpus.harvest import harvest
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding import worker_count
from rustml.sharding.plots import draw_report

STAGE = Stage("harvest", ("harvest",), __name__)


def run(profile: Profile, *, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        with Progress("harvest") as progress:
            report = harvest(
                profile.harvest,
                space.out,
                workers=worker_count(profile.engine),
                cache=space.cache,
                progress=progress,
            )
        click.echo(f"  crates from {report.source}" + (f" ({report.note})" if report.note else ""))
        draw_report(report, space.report / "plots")
        tags = {"harvest.source": report.source, "harvest.note": report.note}
        return Outcome(report.metrics(), report.tables(), {"crates": space.out / "files"}, tags)

    return tracking.run_stage(STAGE, profile, body, parent=parent, reuse=reuse)
