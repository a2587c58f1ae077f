"""Filter, deduplicate and decontaminate the harvested files."""

import click

from entrypoints.command import say, stage_command
from entrypoints.inputs import protected
from rustml import tracking
from rustml.corpus.curate import curate
from rustml.corpus.report import draw
from rustml.profile import Profile, load
from rustml.progress import Progress
from rustml.stage import Outcome, Stage, Workspace
from rustml.streams import crew

STAGE = Stage("curate", ("curate",), ("corpus", "streams", "similarity", "licence", "records"))


def run(
    profile: Profile, *, harvest: str, bank: str, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on the output of the runs `harvest` and `bank`, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        with Progress("curate") as progress:
            report = curate(
                profile.curate,
                space.inputs["harvest"],
                space.out,
                protected=protected(space.inputs["bank"]),
                workers=crew(profile.engine),
                progress=progress,
            )
        draw(report, space.report / "plots")
        return Outcome(report.metrics(), report.tables(), {"corpus": space.out / "files"})

    inputs = {"harvest": harvest, "bank": bank}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)


@stage_command("curate")
@click.option("--harvest", required=True, help="Run id of the harvest.")
@click.option("--bank", required=True, help="Run id of the problem banks, against which files are decontaminated.")
def main(profile: str, reuse: bool, harvest: str, bank: str) -> None:
    """Filter, deduplicate and decontaminate the harvested files."""
    done = run(load(profile), harvest=harvest, bank=bank, reuse=reuse)
    say(done.run_id, "curate", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
