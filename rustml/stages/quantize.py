"""Quantise a version for serving and register the result."""

from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import required_version
from rustml.release.ladder import ladder_of
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.stage import Outcome, Stage, Workspace

LIBRARIES = ("transformers", "torchao")
STAGE = Stage("quantize", ("quantize",), __name__, environment=lambda _: libraries_and_device(*LIBRARIES))


def run(profile: Profile, *, version: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on a version that came through the gate before it on the profile's ladder, or find that run.

    Raises InputError where the ladder leaves the stage out, EvidenceError when the version's evidence does not hold.
    """
    step = ladder_of(profile).made_by(STAGE.name)
    verified = required_version(profile, step, version)

    def body(space: Workspace) -> Outcome:
        from rustml.models.quantise import quantize  # noqa: PLC0415  torch and torchao take seconds to load

        sizes = quantize(verified.folder, profile.quantize, space.out / versions.MODEL)
        return Outcome({f"quantize.{name}": value for name, value in sizes.items()})

    params = {"weights": verified.decision.candidate_weights}
    done = tracking.run_stage(STAGE, profile, body, params=params, parent=parent, reuse=reuse)
    versions.ensure(profile.registered_model, done.run_id, parent=verified.version, step=step.name)
    return done
