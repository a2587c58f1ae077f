"""Filter, deduplicate and decontaminate the harvested files."""

from rustml.corpus.curation.curate import curate
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding import worker_count
from rustml.stages.protected_texts import protected
from rustml.stages.report.funnel import reported

STAGE = Stage("curate", ("curate",), __name__)


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
                workers=worker_count(profile.engine),
                progress=progress,
            )
        return reported(report, space, {"corpus": space.out / "files"})

    inputs = {"harvest": harvest, "bank": bank}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)
