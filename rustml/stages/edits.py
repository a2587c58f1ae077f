"""Make verified pairs of before and after from the curated crates' functions, with compiler and clippy."""

from rustml.edits.collect import EDITS, Places, collect
from rustml.judge import Limits
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding import worker_count

SECTIONS = ("edits", "judge", "evaluation.dependencies")
STAGE = Stage("edits", SECTIONS, __name__, environment=lambda _: {"rust": toolchain.find().version})


def run(profile: Profile, *, curate: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the run `curate`, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        places = Places(
            unpacked=str(space.cache.unpacked_crates),
            dependencies=profile.evaluation.dependencies,
            built=str(space.cache.built_crates),
            brought=str(space.cache.dependencies),
        )
        with Progress("crates") as progress:
            report = collect(
                profile.edits,
                Limits.from_section(profile.judge),
                space.inputs["curate"],
                space.out,
                places,
                workers=worker_count(profile.engine),
                progress=progress,
            )
        return Outcome(report.metrics(), report.tables(), {EDITS: space.out / f"{EDITS}.jsonl"})

    return tracking.run_stage(STAGE, profile, body, inputs={"curate": curate}, parent=parent, reuse=reuse)
