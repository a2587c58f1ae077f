"""Show what a checkpoint holds."""

from collections.abc import Iterator

import msgspec

from rustml.models import inspection
from rustml.profile import Profile
from rustml.release import versions


def report(profile: Profile, model: str, *, as_json: bool) -> Iterator[str]:
    """Lines about the checkpoint that `model` means; see rustml.release.versions.folder_of.

    Raises InputError where there is none, and for a damaged file.
    """
    shown = inspection.inspect(versions.folder_of(model, profile.registered_model))
    if as_json:
        yield msgspec.json.format(msgspec.json.encode(shown)).decode()
    else:
        yield from inspection.lines(shown)
