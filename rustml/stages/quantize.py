"""Quantise a version for serving and register the result."""

from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.stage import Outcome, Stage, Workspace

LIBRARIES = ("transformers", "torchao")
STAGE = Stage("quantize", ("quantize",), __name__, environment=lambda _: libraries_and_device(*LIBRARIES))


def run(
    profile: Profile, *, version: str, step: str = "", parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on a version that came through the gate before it on the profile's ladder, or find that run.

    `step` is the step of the ladder to make a version for; empty for the first that this stage makes.
    Raises InputError where the ladder leaves the stage out, EvidenceError when the version's evidence does not hold.
    """
    target = step_to_make(profile, STAGE.name, step)
    verified = required_version(profile, target, version)
    profile = profile_of(profile, target.name)

    def body(space: Workspace) -> Outcome:
        from rustml.models.quantise import quantize  # noqa: PLC0415  torch and torchao take seconds to load

        sizes = quantize(verified.folder, profile.quantize, space.out / versions.MODEL)
        return Outcome({f"quantize.{name}": value for name, value in sizes.items()})

    params = {"weights": verified.decision.candidate_weights}
    title = f"{target.name} of version {verified.version}, {profile.name}"
    finished_run = tracking.run_stage(STAGE, profile, body, params=params, parent=parent, reuse=reuse, title=title)
    versions.ensure(profile.registered_model, finished_run.run_id, parent=verified.version, step=target.name)
    return finished_run
