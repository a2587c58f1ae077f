"""Stages that make a checkpoint leave it in files of the size that the profile allows."""

from collections.abc import Callable

from rustml.profile import Profile
from rustml.release.versions import MODEL
from rustml.runs.stage import Outcome, Workspace


def in_shards(profile: Profile, body: Callable[[Workspace], Outcome]) -> Callable[[Workspace], Outcome]:
    """The body of a stage, and after it the size of each file of weights as `checkpoints.max_shard_mb` says."""

    def limited(space: Workspace) -> Outcome:
        from rustml.models.shard_limit import limit_shards  # noqa: PLC0415  with the models' libraries

        outcome = body(space)
        limit_shards(space.out / MODEL, profile.checkpoints.max_shard_mb * 10**6)
        return outcome

    return limited
