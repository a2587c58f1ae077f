"""Profile section `checkpoints`."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section


class CheckpointsSection(Section, frozen=True):
    """How the checkpoints that a stage makes or fetches are written."""

    max_shard_mb: Annotated[int, Meta(ge=1)]
    """Largest size of a file of weights, in 10⁶ bytes: a tracking server, and each proxy before it, takes a file in one
    request, which times out from about 500. A larger tensor has a file of its own; an adapter stays one file."""
