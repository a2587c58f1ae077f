"""A crate's manifest with what is not needed, or not there, taken out, so that it builds offline."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from rustml.errors import InputError

DEPENDENCIES = ("dependencies", "build-dependencies")
DEV = "dev-dependencies"
DROPPED = ("bench", "example", "test", "profile", "workspace", "badges", "patch", "replace", "lints", "cargo-features")
"""Other targets than the crate's library and programs, and what speaks of a workspace or of lint levels."""
NIGHTLY = re.compile(r"nightly|unstable|rustc-dep-of-std|compiler_builtins|bench|docs?rs|simd|portable")
"""Features that ask for another compiler, or for being part of the standard library."""

WORD = re.compile(r"\w+")

Table = dict[str, Any]


def pruned(manifest: Mapping[str, Any], available: Collection[str], *, dev: bool) -> Table:
    """The manifest without benches, examples, and dependencies that nothing available can meet.

    A missing dependency goes where it is optional, for another target or for tests alone (`dev` keeps those that are
    there). Raises InputError when one that is always needed is missing.
    """
    result = {
        key: deepcopy(value) for key, value in manifest.items() if key not in (*DROPPED, *DEPENDENCIES, DEV, "target")
    }
    gone: set[str] = set()
    tables = {name: manifest.get(name, {}) for name in DEPENDENCIES}
    result |= {name: _present(table, available, gone, required=True) for name, table in tables.items()}
    result[DEV] = _present(manifest.get(DEV, {}), available, set(), required=False) if dev else {}
    result["target"] = {
        name: {
            part: _present(table.get(part, {}), available, gone, required=False)
            for part in (*DEPENDENCIES, *((DEV,) if dev else ()))
        }
        for name, table in manifest.get("target", {}).items()
    }
    still = {name for table in _tables(result) for name in table}
    result["features"] = _features(manifest.get("features", {}), gone - still)
    result["package"] = {
        key: value for key, value in manifest["package"].items() if key not in ("workspace", "rust-version", "metadata")
    }
    result["package"] |= {"autobenches": False, "autoexamples": False, "autotests": False}
    for target in (result.get("lib", {}), *result.get("bin", [])):
        for key in ("test", "bench", "doctest"):
            target.pop(key, None)
    return result


def needed_by_tests(manifest: Table, texts: Iterable[str]) -> Table:
    """The manifest without dependencies of tests that neither these sources nor a feature names: those of benches."""
    words = frozenset(word for text in texts for word in WORD.findall(text))
    features = {word.partition("/")[0].removesuffix("?") for some in manifest["features"].values() for word in some}

    def kept(table: Table) -> Table:
        return {name: one for name, one in table.items() if name.replace("-", "_") in words or name in features}

    target = {
        name: table | ({DEV: kept(table[DEV])} if DEV in table else {}) for name, table in manifest["target"].items()
    }
    return manifest | {DEV: kept(manifest[DEV]), "target": target}


def uses_absent(manifest: Mapping[str, Any], available: Collection[str], texts: Iterable[str]) -> bool:
    """Whether one of these sources uses a dependency of tests that nothing available can meet."""
    tables = (manifest, *manifest.get("target", {}).values())
    wanted = {name: one for table in tables for name, one in table.get(DEV, {}).items()}
    absent = [
        name.replace("-", "_")
        for name, one in wanted.items()
        if (one.get("package", name) if isinstance(one, dict) else name) not in available
    ]
    use = re.compile(rf"\b(?:{'|'.join(map(re.escape, absent))})::|\bextern crate (?:{'|'.join(absent)})\b")
    return bool(absent) and any(use.search(text) for text in texts)


def _present(table: Mapping[str, Any], available: Collection[str], gone: set[str], *, required: bool) -> Table:
    result: Table = {}
    for name, requirement in table.items():
        package = requirement.get("package", name) if isinstance(requirement, dict) else name
        optional = isinstance(requirement, dict) and requirement.get("optional", False)
        if package in available:
            result[name] = requirement
        elif required and not optional:
            raise InputError(f"its dependency {package} is not in the source")
        else:
            gone.add(name)
    return result


def _tables(manifest: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for name in DEPENDENCIES:
        yield manifest.get(name, {})
    for target in manifest.get("target", {}).values():
        yield from (target.get(name, {}) for name in DEPENDENCIES)


def _features(features: Mapping[str, list[str]], gone: Collection[str]) -> dict[str, list[str]]:
    """The features that this compiler has and that need nothing that is gone; `default` stays with what is left of it.

    A word `name?/feature` needs nothing: it only adds to a dependency that something else brings in.
    """
    usable = {name: words for name, words in features.items() if name == "default" or not NIGHTLY.search(name)}
    while True:
        unusable = {
            name
            for name, words in usable.items()
            if name != "default"
            and any(_needs(word, features, gone) or word in features.keys() - usable for word in words)
        }
        if not unusable:
            break
        usable = {name: words for name, words in usable.items() if name not in unusable}
    return {name: [word for word in words if _stays(word, features, usable, gone)] for name, words in usable.items()}


def _needs(word: str, features: Collection[str], gone: Collection[str]) -> bool:
    return "?/" not in word and _dependency(word, features) in gone


def _stays(word: str, features: Collection[str], usable: Collection[str], gone: Collection[str]) -> bool:
    return (word not in features or word in usable) and _dependency(word, features) not in gone


def _dependency(word: str, features: Collection[str]) -> str:
    """The dependency that a word of a feature speaks of; empty where it names another feature."""
    bare = word.removeprefix("dep:")
    name = bare.partition("/")[0].removesuffix("?")
    return "" if bare == word == name and name in features else name


def all_features(manifest: Mapping[str, Any]) -> list[str]:
    """Every feature that the manifest still declares."""
    return sorted(manifest.get("features", {}))


def toml(value: Any) -> str:
    """A value as inline TOML. Top-level tables are written so as well: `package = {name = "x"}`."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value)  # a JSON string is a basic string of TOML
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return str(value)


def document(manifest: Mapping[str, Any]) -> str:
    """The manifest as a TOML document."""
    return "".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in manifest.items())
