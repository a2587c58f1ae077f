"""One training of a sweep: the stage `sft` on the base model, without a version in the registry."""

from rustml.profile import Profile
from rustml.release.find_evidence import step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.stages import sft


def run(profile: Profile, *, base: str, bank: str, pairs: str, parent: str) -> tracking.Finished:
    """Train, or find the run that did the same. Raises what `sft.run` raises."""
    step = step_to_make(profile, sft.STAGE.name, "")
    inputs = {"bank": bank, "pairs": pairs, "base": base}
    return sft.trained(
        profile_of(profile, step.name), inputs, None, parent, f"trial, seed {profile.seed}, {profile.name}"
    )
