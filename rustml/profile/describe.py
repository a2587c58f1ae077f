"""Every key of a profile with its type, bounds, default and meaning, read off the typed sections and their source."""

import ast
import difflib
import inspect
import itertools
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from rustml.errors import ProfileError
from rustml.profile.layers import DEFAULTS, read
from rustml.profile.profile import Profile
from rustml.profile.schema import KIND, fields, item, sections, tag
from rustml.profile.section import Section

NAME = "<name>"
"""Stands in a dotted key for a name, or an item's number, that a profile chooses."""
UNSET = object()
WORDS = {int: "integer", float: "number", str: "text", bool: "true or false", type(None): "null", Any: "any value"}
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


@dataclass(frozen=True)
class Entry:
    """One key."""

    key: str
    """Dotted: `evaluation.suites.<name>.samples`."""
    owner: type[Section]
    """The section that it is a field of."""
    type: str
    """Type and bounds, in words."""
    default: Any
    """From `profiles/defaults.yaml`, or from the type; UNSET for a key that a profile must state."""
    meaning: str
    """The docstring under the field, in one line."""

    @property
    def default_text(self) -> str:
        """The default as a profile states it; empty where there is none."""
        return "" if self.default is UNSET else msgspec.json.encode(self.default).decode()


def explain(key: str) -> str:
    """Type, default and meaning of a dotted key such as `sft.steps` or `evaluation.suites.rust.samples`.

    Raises ProfileError for a key that no section has, with the nearest that there is.
    """
    matches = [entry for entry in entries() if _matches(entry.key, key)]
    if not matches:
        near = difflib.get_close_matches(key, [entry.key for entry in entries()], n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ": docs/profile.md lists all"
        raise ProfileError(f"unknown key '{key}'{hint}")
    return "\n".join(_explained(key, entry) for entry in matches)


@cache
def entries() -> tuple[Entry, ...]:
    """Every key of a profile, in the order of its sections."""
    return tuple(_entries(Profile, "", read(DEFAULTS)))


def type_text(hint: Any) -> str:
    """A type and its bounds in words: `integer ≥ 1`, `number ≥ 0 and ≤ 1`, `list of text`."""
    if get_origin(hint) is Annotated:
        inner, *metas = get_args(hint)
        return " ".join([type_text(inner), *filter(None, map(_bounds, metas))])
    return _section_text(hint) if sections(hint) else _plain_text(hint)


def _section_text(hint: Any) -> str:
    kinds = [str(tag(member)) for member in sections(hint) if tag(member)]
    null = " or null" if type(None) in get_args(hint) else ""
    return f"section{f' of {KIND} {_choices(kinds)}' if kinds else ''}{null}"


def _plain_text(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(type_text(member) for member in arguments)
    if origin is Literal:
        return _choices([str(choice) for choice in arguments])
    if origin is dict:
        return f"mapping of names to {type_text(arguments[1])}"
    return f"list of {type_text(arguments[0])}" if origin is tuple else WORDS[hint]


def _entries(section: type[Section], at: str, defaults: Any) -> Iterator[Entry]:
    meanings = _meanings(section)
    in_type = {field.name: field for field in msgspec.structs.fields(section)}
    for name, hint in fields(section).items():
        if name == KIND and tag(section):
            continue
        default = defaults.get(name, UNSET) if isinstance(defaults, dict) else UNSET
        if default is UNSET:
            default = _type_default(in_type[name])
        key = f"{at}.{name}" if at else name
        yield Entry(key, section, type_text(hint), default, meanings.get(name) or _summary(hint))
        yield from _inner(hint, key, default)


def _type_default(field: msgspec.structs.FieldInfo) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return UNSET if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _summary(hint: Any) -> str:
    """First line of the docstring of the one section that a field holds; empty for any other field."""
    members = sections(hint)
    return (inspect.getdoc(members[0]) or "").partition("\n")[0] if len(members) == 1 else ""


def _inner(hint: Any, key: str, default: Any) -> Iterator[Entry]:
    """The keys of the sections that a field holds, directly or under free names."""
    for member in sections(hint):
        mine = isinstance(default, dict) and default.get(KIND) == tag(member)
        yield from _entries(member, key, default if mine else UNSET)
    value = item(hint)
    if value is not None:
        yield from _inner(value, f"{key}.{NAME}", UNSET)


def _meanings(section: type[Section]) -> dict[str, str]:
    """The docstring under each field of a section, its parents' included."""
    meanings: dict[str, str] = {}
    for parent in reversed(section.__mro__):
        if issubclass(parent, Section) and parent is not Section:
            meanings |= _documented(sys.modules[parent.__module__], parent.__name__)
    return meanings


def _documented(module: types.ModuleType, name: str) -> dict[str, str]:
    body = next(n.body for n in _syntax(module).body if isinstance(n, ast.ClassDef) and n.name == name)
    result: dict[str, str] = {}
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            result[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return result


@cache
def _syntax(module: types.ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def _bounds(meta: msgspec.Meta) -> str:
    limits = [f"{sign} {getattr(meta, name):g}" for name, sign in BOUNDS.items() if getattr(meta, name) is not None]
    if meta.min_length is not None:
        limits.append("that is not empty")
    if meta.pattern is not None:
        limits.append(f"that matches `{meta.pattern}`")
    return " and ".join(limits)


def _choices(names: list[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _matches(pattern: str, key: str) -> bool:
    mine, theirs = pattern.split("."), key.split(".")
    return len(mine) == len(theirs) and all(a in (NAME, b) for a, b in zip(mine, theirs, strict=True))


def _explained(key: str, entry: Entry) -> str:
    kind = f" ({KIND} {tag(entry.owner)})" if tag(entry.owner) else ""
    default = f"; default {entry.default_text}" if entry.default_text else ""
    return f"{key}{kind}: {entry.type}{default}" + (f"\n  {entry.meaning}" if entry.meaning else "")
