"""The layers of a profile: defaults, the files that it extends, then presets and values of the command line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rustml.errors import ProfileError
from rustml.profile import strict_yaml
from rustml.profile.profile import Profile
from rustml.profile.schema import KIND, accepts_null, fields, item, section_of
from rustml.profile.section import Section

FOLDER = Path(__file__).resolve().parents[2] / "profiles"
DEFAULTS = FOLDER / "defaults.yaml"
SUFFIXES = (".yaml", ".yml")
PRESETS = "presets"
BESIDE_THE_FILE = (("harvest", "crates_file"),)
"""Keys whose relative path starts at the profile that names it, so that a checkout anywhere holds both."""

Tree = dict[str, Any]


@dataclass(frozen=True)
class Override:
    """One `a.b=VALUE`, or one chosen preset."""

    text: str
    tree: Tree
    preset: str = ""
    """Name of the preset; empty for a value."""

    def touches(self, key: str) -> bool:
        """Whether it sets this dotted key, a part of it, or what it is a part of."""
        return any(
            f"{key}.".startswith(f"{mine}.") or f"{mine}.".startswith(f"{key}.") for mine, _ in leaves(self.tree)
        )


def shipped() -> list[str]:
    """Names of the profiles that come with the package."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml") if path != DEFAULTS)


def path_of(name: str, folder: Path) -> Path:
    """The file of a profile that is named as on the command line: by name, or by the path of a YAML file."""
    return Path(name) if name.endswith(SUFFIXES) else folder / f"{name}.yaml"


def from_files(path: Path) -> Tree:
    """What the file and everything that it extends say, presets included. Raises ProfileError as `chain` does."""
    tree: Tree = {}
    for _, layer in chain(path):
        tree = merged(tree, layer)
    return {**tree, "name": tree.get("name", path.stem)} if path.resolve() != DEFAULTS else tree


def chain(path: Path, above: tuple[Path, ...] = ()) -> list[tuple[Path, Tree]]:
    """The files that a profile is made of, from the one that builds on nothing to `path`, and what each says.

    A file that does not say `extends` builds on the defaults; `extends: null` builds on nothing, as what a run logs.
    Only the name of `path` itself counts. Raises ProfileError that names the file.
    """
    if path.resolve() in {p.resolve() for p in above}:
        raise ProfileError(f"{path}: 'extends' goes in a circle: {' -> '.join(p.stem for p in (*above, path))}")
    tree = read(path)
    if path.resolve() == DEFAULTS:
        return [(path, tree)]
    parent = tree.pop("extends", DEFAULTS.stem)
    if above:
        tree.pop("name", None)
    inherited = [] if parent is None else chain(_parent(path, parent), (*above, path))
    return [*inherited, (path, tree)]


def read(path: Path) -> Tree:
    """What one file says: its presets as nested mappings, paths of files beside it as absolute ones.

    Raises ProfileError that names the file.
    """
    try:
        tree = strict_yaml.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(shipped())
        raise ProfileError(f"no profile {path}; known profiles: {known}; or give the path of a .yaml file") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(f"cannot read {path}: {error}") from error
    if not isinstance(tree, dict):
        raise ProfileError(f"{path}: a profile is a mapping of sections, not {type(tree).__name__}")
    if PRESETS in tree:
        tree[PRESETS] = {name: _located(preset, path) for name, preset in _presets(tree[PRESETS], path).items()}
    return _located(tree, path)


def _located(tree: Tree, path: Path) -> Tree:
    """The tree with the files of `BESIDE_THE_FILE` looked up in the folder of the profile `path`."""
    for section, key in BESIDE_THE_FILE:
        inner = tree.get(section)
        if isinstance(inner, dict) and isinstance(inner.get(key), str) and inner[key]:
            tree = {**tree, section: {**inner, key: str(path.parent.absolute() / inner[key])}}
    return tree


def merged(parent: Tree, child: Tree, hint: Any = Profile) -> Tree:
    """`child` on top of `parent`: mappings key by key, anything else replaced whole.

    A mapping of another `kind` replaces the parent's whole; null takes an entry out of a mapping with free keys.
    """
    if KIND in child and child[KIND] != parent.get(KIND, child[KIND]):
        return dict(child)
    section = section_of(hint, {**parent, **child})
    result = {**parent, **dict.fromkeys(_displaced(section, child))}
    for key, value in child.items():
        inner = fields(section).get(key) if section else item(hint)
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value, inner)
        elif value is None and key in result and section is None and not accepts_null(inner):
            del result[key]
        else:
            result[key] = value
    return result


def _displaced(section: type[Section] | None, child: Tree) -> Iterator[str]:
    """Keys that lose their value to a key which the child states instead, as `steps` does to `epochs`."""
    for names in section.one_of if section else ():
        if any(child.get(name) is not None for name in names):
            yield from names - child.keys()


def parse_overrides(texts: Sequence[str], presets: dict[str, Tree]) -> list[Override]:
    """The chosen presets in their order, then the values of the command line in theirs.

    Raises ProfileError for a text that is not `key=value`, a value that is not YAML, and an unknown preset.
    """
    pairs = [_split(text) for text in texts]
    names = [value.strip() for key, value in pairs if key == "preset"]
    values = [(key, value) for key, value in pairs if key != "preset"]
    return [
        *(Override(f"preset={name}", _preset(name, presets), name) for name in names),
        *(Override(f"{key}={value}", nested(key, _value(key, value))) for key, value in values),
    ]


def nested(key: str, value: Any) -> Tree:
    """`a.b.c` and a value as mappings within mappings."""
    for name in reversed(key.split(".")):
        value = {name: value}
    tree: Tree = value
    return tree


def _parent(path: Path, name: object) -> Path:
    if not isinstance(name, str):
        raise ProfileError(f"{path}: extends: give the name or the path of one profile, not {name!r}")
    file = name if name.endswith(SUFFIXES) else f"{name}.yaml"
    beside, ours = path.parent / file, FOLDER / file
    # A file may have the name of the shipped profile that it extends.
    existing = (
        candidate for candidate in (beside, ours) if candidate.exists() and candidate.resolve() != path.resolve()
    )
    return next(existing, beside)


def _presets(tree: object, path: Path) -> dict[str, Tree]:
    if not isinstance(tree, dict) or not all(isinstance(preset, dict) for preset in tree.values()):
        raise ProfileError(f"{path}: {PRESETS}: give each preset as a mapping of keys to values")
    return {str(name): unfolded(preset) for name, preset in tree.items()}


def unfolded(changes: Tree) -> Tree:
    """Dotted keys and their values as mappings within mappings."""
    result: Tree = {}
    for key, value in changes.items():
        result = merged(result, nested(str(key), value), None)
    return result


def _preset(name: str, presets: dict[str, Tree]) -> Tree:
    if name not in presets:
        known = f"there are {', '.join(presets)}" if presets else "the profile has no presets"
        owners = [profile for profile in shipped() if name in from_files(FOLDER / f"{profile}.yaml").get(PRESETS, {})]
        elsewhere = f"; it is a preset of {', '.join(owners)}" if owners else ""
        raise ProfileError(f"preset={name}, from the command line: unknown preset; {known}{elsewhere}")
    return presets[name]


def _split(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not all(key.strip().split(".")):
        raise ProfileError(f"`{text}`, from the command line: write key=value, such as sft.batch_size=16")
    return key.strip(), value


def _value(key: str, text: str) -> Any:
    try:
        return strict_yaml.parse(text)
    except yaml.YAMLError as error:
        raise ProfileError(f"{key}, from the command line: cannot read `{text}`: {error}") from error


def leaves(tree: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and the values under them that are not mappings, or are empty ones."""
    for key, value in tree.items():
        here = f"{at}.{key}" if at else str(key)
        if isinstance(value, dict) and value:
            yield from leaves(value, here)
        else:
            yield here, value
