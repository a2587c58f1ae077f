"""Where each value of a profile came from: defaults, a file, a preset, or the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from rustml.profile.layers import FOLDER, PRESETS, Override, Tree, chain, leaves, merged, parse_overrides, path_of
from rustml.profile.load import load

TYPE = "default of its section"
"""Origin of a value that no file states."""


@dataclass(frozen=True)
class Value:
    """A value of a resolved profile."""

    key: str
    """Dotted."""
    value: Any
    origin: str
    """As in `profiles/tiny.yaml`, `preset low-memory (profiles/defaults.yaml)` or `command line`."""


def origins(name: str, overrides: Sequence[str] = (), folder: Path = FOLDER) -> list[Value]:
    """Every value of the profile that `load` returns for the same arguments, in the order of its sections.

    Raises ProfileError as `load` does.
    """
    profile = load(name, overrides, folder)
    sources: dict[str, str] = {}
    tree: Tree = {}
    for origin, changes in _layers(path_of(name, folder), overrides):
        before, tree = dict(leaves(tree)), merged(tree, changes)
        # A layer also decides what it takes away, as `epochs` does with `steps`.
        decided = {key for key, value in leaves(tree) if _states(changes, key) or before.get(key, TYPE) != value}
        sources = {key: origin if key in decided else sources[key] for key, _ in leaves(tree)}
    return [
        Value(key, value, _label(path_of(name, folder)) if key == "name" else sources.get(key, TYPE))
        for key, value in leaves(msgspec.to_builtins(profile))
    ]


def table(values: Sequence[Value]) -> str:
    """One line per value: key, value as YAML's flow style reads it, origin."""
    rows = [(value.key, msgspec.json.encode(value.value).decode(), value.origin) for value in values]
    widths = [min(40, max(len(row[column]) for row in rows)) for column in (0, 1)]
    return "\n".join(f"{key:{widths[0]}}  {text:{widths[1]}}  {origin}" for key, text, origin in rows)


def _layers(path: Path, overrides: Sequence[str]) -> Iterator[tuple[str, Tree]]:
    """What each layer says, from the defaults up, with its label."""
    presets: Tree = {}
    homes: dict[str, str] = {}
    for file, tree in chain(path):
        given = tree.get(PRESETS, {})
        presets = merged(presets, given, None)
        homes |= dict.fromkeys(given, _label(file))
        yield _label(file), {key: value for key, value in tree.items() if key != PRESETS}
    for change in parse_overrides(overrides, presets):
        yield _override_label(change, homes), change.tree


def _override_label(change: Override, homes: dict[str, str]) -> str:
    return f"preset {change.preset} ({homes[change.preset]})" if change.preset else "command line"


def _label(path: Path) -> str:
    return f"{FOLDER.name}/{path.name}" if path.resolve().parent == FOLDER else str(path)


def _states(changes: Tree, key: str) -> bool:
    """Whether a layer holds this key, or something in its place."""
    node: Any = changes
    for name in key.split("."):
        if not isinstance(node, dict) or name not in node:
            return False
        node = node[name]
    return True
