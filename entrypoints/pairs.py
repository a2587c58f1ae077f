"""Turn documented functions into training pairs, with held-out splits."""

import click

from entrypoints.command import say, stage_command
from entrypoints.inputs import protected
from rustml import tracking
from rustml.corpus.report import draw
from rustml.pairs.build import build
from rustml.profile import Profile, load
from rustml.progress import Progress
from rustml.stage import Outcome, Stage, Workspace
from rustml.streams import crew

STAGE = Stage("pairs", ("pairs",), ("pairs", "streams", "similarity", "licence", "records"))


def run(
    profile: Profile, *, curate: str, bank: str, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on the output of the runs `curate` and `bank`, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        with Progress("pairs") as progress:
            report = build(
                profile.pairs,
                space.inputs["curate"],
                space.out,
                protected=protected(space.inputs["bank"]),
                workers=crew(profile.engine),
                seed=profile.seed,
                progress=progress,
            )
        draw(report, space.report / "plots")
        datasets = {path.stem: path for path in sorted(space.out.glob("*.jsonl"))}
        return Outcome(report.metrics(), report.tables(), datasets)

    inputs = {"curate": curate, "bank": bank}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)


@stage_command("pairs")
@click.option("--curate", required=True, help="Run id of the curated corpus.")
@click.option("--bank", required=True, help="Run id of the problem banks, against which pairs are decontaminated.")
def main(profile: str, reuse: bool, curate: str, bank: str) -> None:
    """Turn documented functions into training pairs, with held-out splits."""
    done = run(load(profile), curate=curate, bank=bank, reuse=reuse)
    say(done.run_id, "pairs", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
