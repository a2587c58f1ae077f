"""Load a profile, resolve what it extends, validate it whole, before anything starts."""

import difflib
import math
from pathlib import Path
from typing import Any, Literal, get_type_hints

import msgspec
import yaml

from rustml.errors import ProfileError
from rustml.profile.bank import BankSection
from rustml.profile.base import BaseSection
from rustml.profile.curate import CurateSection
from rustml.profile.evaluation import EvaluationSection
from rustml.profile.gates import GatesSection
from rustml.profile.grpo import GrpoSection
from rustml.profile.harvest import HarvestSection
from rustml.profile.judge import JudgeSection
from rustml.profile.pairs import PairsSection
from rustml.profile.quantize import QuantizeSection
from rustml.profile.section import Section
from rustml.profile.serve import ServeSection
from rustml.profile.sft import SftSection

FOLDER = Path(__file__).resolve().parents[2] / "profiles"


class Profile(Section, frozen=True):
    """A complete profile. Every stage reads its own section and the few scalars here."""

    name: str
    """As the user names it: the file's stem."""
    registered_model: str
    """Name of the model in the MLflow registry."""
    seed: int
    """Of every random choice in the lifecycle."""
    engine: Literal["local", "ray"]
    """Where the corpus stages work on their shards: processes of this machine, or a Ray cluster (docs/corpus.md)."""
    harvest: HarvestSection
    curate: CurateSection
    pairs: PairsSection
    bank: BankSection
    judge: JudgeSection
    base: BaseSection
    sft: SftSection
    grpo: GrpoSection
    evaluation: EvaluationSection
    gates: GatesSection
    quantize: QuantizeSection
    serve: ServeSection


class _Strict(yaml.SafeLoader):
    """Safe YAML without two silent traps: a key that is given twice, and numbers that are none."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for name, _ in node.value:
            if name.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key '{name.value}' twice", name.start_mark)
            seen.add(str(name.value))
        return node

    def finite(self, node: yaml.ScalarNode) -> float:
        """A float that can be reckoned with."""
        value = self.construct_yaml_float(node)
        if not math.isfinite(value):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is no number", node.start_mark)
        return float(value)

    yaml_constructors = {**yaml.SafeLoader.yaml_constructors, "tag:yaml.org,2002:float": finite}


def load(name: str, folder: Path = FOLDER, **overrides: object) -> Profile:
    """Load the profile `name` of `folder`, or the YAML file that `name` is the path of.

    A profile may name another, beside it or in `profiles/`, under `extends`, and then holds only what differs; what a
    run logs is the resolved one.
    `overrides` replace top-level scalars. Raises ProfileError that names the file and the key.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    tree = {**_tree(path, seen=()), "name": path.stem}
    tree.update({key: value for key, value in overrides.items() if value is not None})
    _refuse_unknown(tree, Profile, path, prefix="")
    try:
        return msgspec.convert(tree, Profile)
    except msgspec.ValidationError as error:
        raise ProfileError(f"{path}: {error}. Every key and its meaning: rustml/profile/*.py") from error


def dump(profile: Profile) -> str:
    """The resolved profile as YAML, as logged with every run."""
    return yaml.safe_dump(msgspec.to_builtins(profile), sort_keys=False)


def _tree(path: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    if path in seen:
        raise ProfileError(f"{path}: 'extends' goes in a circle: {' -> '.join(p.stem for p in (*seen, path))}")
    tree = _read(path)
    parent = tree.pop("extends", None)
    if parent is None:
        return tree
    beside = path.parent / f"{parent}.yaml"
    return _merge(_tree(beside if beside.exists() else FOLDER / f"{parent}.yaml", (*seen, path)), tree)


def _read(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.load(path.read_text(encoding="utf-8"), _Strict)  # noqa: S506  a SafeLoader
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in FOLDER.glob("*.yaml")))
        raise ProfileError(f"no profile {path}; known profiles: {known}; or give the path of a .yaml file") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(f"cannot read {path}: {error}") from error
    if not isinstance(tree, dict):
        raise ProfileError(f"{path}: a profile is a mapping of sections, not {type(tree).__name__}")
    return tree


def _merge(parent: dict[str, Any], child: dict[str, Any]) -> dict[str, Any]:
    merged = dict(parent)
    for key, value in child.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _refuse_unknown(tree: dict[str, Any], section: type[Section], path: Path, prefix: str) -> None:
    """Name an unknown key with its full path and the nearest known one; msgspec alone does not suggest."""
    hints = get_type_hints(section)
    for key, value in tree.items():
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, n=1)
            hint = f"; did you mean '{prefix}{near[0]}'?" if near else f"; known here: {', '.join(hints)}"
            raise ProfileError(f"{path}: unknown key '{prefix}{key}'{hint}")
        kind = hints[key]
        if isinstance(kind, type) and issubclass(kind, Section) and isinstance(value, dict):
            _refuse_unknown(value, kind, path, f"{prefix}{key}.")
