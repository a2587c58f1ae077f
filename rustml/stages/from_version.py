"""Stages that make one version of the model from another."""

from collections.abc import Callable, Mapping

from rustml.profile import Profile
from rustml.release import versions
from rustml.release.evidence import VerifiedVersion
from rustml.release.ladder import Step
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.shards import in_shards


def run_from_version(
    stage: Stage,
    profile: Profile,
    step: Step,
    start: VerifiedVersion,
    body: Callable[[Workspace], Outcome],
    inputs: Mapping[str, str],
    *,
    parent: str | None,
    reuse: bool,
) -> tracking.Finished:
    """Run the stage on the version `start`, or find the run that did the same; either way register its checkpoint.

    `step` is the step of the ladder that the new version is made for.
    """
    finished_run = tracking.run_stage(
        stage,
        profile,
        in_shards(profile, body),
        inputs=inputs,
        params={"weights": start.decision.candidate_weights},
        parent=parent,
        reuse=reuse,
        title=f"{step.name} of version {start.version}, {profile.name}",
    )
    versions.ensure(profile.registered_model, finished_run.run_id, parent=start.version, step=step.name)
    return finished_run
