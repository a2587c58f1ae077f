"""Profile section of one training phase of the promotion ladder."""

from typing import Any

from rustml.profile.section import Section


class PhaseSection(Section, frozen=True):
    """A further step of the ladder that is made like another, as `sft2` like `sft`, from the version before it."""

    step: str
    """The step that it is made like: a row of rustml/release/ladder.py, such as `sft`."""
    changes: dict[str, Any]
    """Dotted keys and their values, as in a preset, on top of the profile while this phase's version is made:
    `sft.steps: 50`."""
