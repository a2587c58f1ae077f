"""Make verified pairs of before and after from the curated crates' functions, with compiler and clippy."""

from collections.abc import Mapping
from pathlib import Path

from rustml.corpus.sources import repository
from rustml.edits.collect import collect
from rustml.edits.jobs import EDITS
from rustml.judge import Limits
from rustml.judge.in_crate.crate_builds import Places
from rustml.judge.rust import toolchain
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.sharding import worker_count
from rustml.stages.report.funnel import reported

SECTIONS = ("edits", "judge", "evaluation.dependencies", "harvest.repositories", "harvest.directory")


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """The commits at HEAD of the repositories, and none where no commit is asked for."""
    heads = repository.contents(profile.harvest) if profile.edits.commits else {}
    return {("harvest.repositories", *path): text for (_, *path), text in heads.items()}


STAGE = Stage("edits", SECTIONS, __name__, contents, lambda _: {"rust": toolchain.find().version})


def run(profile: Profile, *, curate: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the run `curate`, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        places = Places(
            cache=space.cache,
            dependencies=profile.evaluation.dependencies,
            beside=_beside(profile),
            sandbox=profile.judge.sandbox,
        )
        with Progress("crates") as progress:
            report = collect(
                profile.edits,
                Limits.from_section(profile.judge),
                space.inputs["curate"],
                space.out,
                places,
                repositories=profile.harvest.repositories,
                workers=worker_count(profile.engine),
                progress=progress,
            )
        return reported(report, space, {EDITS: space.out / f"{EDITS}.jsonl"})

    return tracking.run_stage(STAGE, profile, body, inputs={"curate": curate}, parent=parent, reuse=reuse)


def _beside(profile: Profile) -> str:
    """The directory source of what repositories depend on: crates have one of their own."""
    folders = (profile.evaluation.dependencies, profile.harvest.directory)
    return next((folder for folder in folders if folder and Path(folder).is_dir()), "")
