"""Turn documented functions into training pairs, with held-out splits."""

from rustml.pairs.build import build
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding import worker_count
from rustml.sharding.plots import draw_report
from rustml.stages.inputs import protected

STAGE = Stage("pairs", ("pairs",), __name__)


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
                workers=worker_count(profile.engine),
                seed=profile.seed,
                progress=progress,
            )
        draw_report(report, space.report / "plots")
        datasets = {path.stem: path for path in sorted(space.out.glob("*.jsonl"))}
        return Outcome(report.metrics(), report.tables(), datasets)

    inputs = {"curate": curate, "bank": bank}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)
