"""Load a profile: resolve what it builds on, apply presets and overrides, check the whole, before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import yaml

from rustml.errors import ProfileError
from rustml.profile.check import Fault, fault
from rustml.profile.layers import (
    DEFAULTS,
    FOLDER,
    PRESETS,
    Override,
    Tree,
    from_files,
    merged,
    parse_overrides,
    path_of,
    shipped,
    unfolded,
)
from rustml.profile.profile import Profile


def load(name: str, overrides: Sequence[str] = (), folder: Path = FOLDER) -> Profile:
    """Load the profile `name` of `folder`, or the YAML file that `name` is the path of.

    A profile holds only what differs from `profiles/defaults.yaml`, or from the profile, beside it or among the shipped
    ones, that it names under `extends`. `overrides` are texts `a.b.c=VALUE`, the value in YAML, or `preset=NAME` for a
    set of overrides that the profile holds under `presets`; presets come first, and the later text wins.
    Raises ProfileError that names the file, or the command line, and the key.
    """
    path = path_of(name, folder)
    if path.resolve() == DEFAULTS:
        raise ProfileError(
            f"{path} holds what profiles build on, and is not one; known profiles: {', '.join(shipped())}"
        )
    tree = from_files(path)
    presets = tree.pop(PRESETS, {})
    for preset, changes in presets.items():
        _check_preset(tree, path, Override(f"preset={preset}", changes, preset))
    return _resolve(tree, path, parse_overrides(overrides, presets))


def dump(profile: Profile) -> str:
    """The resolved profile as YAML, as logged with every run: complete, so that it builds on nothing."""
    return yaml.safe_dump({"extends": None, **msgspec.to_builtins(profile)}, sort_keys=False)


def changed(profile: Profile, changes: Mapping[str, Any], origin: str) -> Profile:
    """The profile with dotted keys and their values on top. Raises ProfileError that names `origin` and the key."""
    tree = merged(msgspec.to_builtins(profile), unfolded(dict(changes)))
    refusal = fault(tree, Profile)
    if refusal:
        raise _error(origin, refusal)
    return msgspec.convert(tree, Profile)


def _resolve(tree: Tree, path: Path, changes: Sequence[Override]) -> Profile:
    for change in changes:
        tree = merged(tree, change.tree)
    presets = [change.preset for change in changes if change.preset]
    if presets:
        tree = {**tree, "name": "+".join([str(tree["name"]), *presets])}
    refusal = fault(tree, Profile)
    if refusal:
        causes = " ".join(change.text for change in changes if change.touches(refusal.key))
        raise _error(f"{path}, with {causes} from the command line" if causes else str(path), refusal)
    return msgspec.convert(tree, Profile)


def _check_preset(tree: Tree, path: Path, preset: Override) -> None:
    """Refuse a preset that makes a valid profile invalid, chosen or not."""
    refusal = fault(merged(tree, preset.tree), Profile)
    if refusal and preset.touches(refusal.key):
        reason = f"{refusal.reason}; a preset is checked on every profile that has it: set its keys there to what fits"
        raise _error(f"{path}, {PRESETS}.{preset.preset}", replace(refusal, reason=reason))


def _error(origin: str, refusal: Fault) -> ProfileError:
    return ProfileError(f"{origin}: {refusal.reason}. Every key is explained in docs/profile.md")
