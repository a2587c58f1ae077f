"""dtype and attention of the stages that compute: the profile's word, or what this machine measured best."""

import msgspec

from rustml.models import compute
from rustml.profile import Profile
from rustml.runs import tracking


def resolved(profile: Profile) -> Profile:
    """The profile with a dtype and an attention in the place of `auto`: they are logged, and part of stage keys."""
    chosen = compute.choose(profile.compute, tracking.cache_layout().compute, context=profile.sft.context)
    return msgspec.structs.replace(profile, compute=chosen)
