"""Quantise a version for serving and register the result."""

from rustml.profile import Profile
from rustml.release import versions
from rustml.release.evidence import verify
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace

STAGE = Stage("quantize", ("quantize",), __name__)


def run(profile: Profile, *, version: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on a version that came through the GRPO gate, or find the run that did the same.

    Raises EvidenceError when the version's evidence is missing or does not hold.
    """
    number = versions.version_number(version, profile.registered_model)
    verified = verify(tracking.client(), profile.registered_model, number, "grpo", thresholds=profile.gates.grpo)

    def body(space: Workspace) -> Outcome:
        from rustml.models.quantise import quantize  # noqa: PLC0415  torch and torchao take seconds to load

        sizes = quantize(verified.folder, profile.quantize, space.out / versions.MODEL)
        return Outcome({f"quantize.{name}": value for name, value in sizes.items()})

    params = {"weights": verified.decision.candidate_weights}
    done = tracking.run_stage(STAGE, profile, body, params=params, parent=parent, reuse=reuse)
    versions.ensure(tracking.client(), profile.registered_model, done.run_id, parent=number)
    return done
