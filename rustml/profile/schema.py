"""What a profile's types say: fields of a section, members of a union, values of a mapping."""

import types
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

import msgspec

from rustml.profile.section import Section

KIND = "kind"
"""The key that says which member of a union of sections a mapping is."""


@cache
def fields(section: type[Section]) -> dict[str, Any]:
    """Type hints of a section's keys, bounds included; of a member of a union, `kind` comes first."""
    hints = get_type_hints(section, include_extras=True)
    hints = {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar}
    return {KIND: str, **hints} if tag(section) else hints


def required(section: type[Section]) -> list[str]:
    """Keys of a section that have no default in its type."""
    return [field.name for field in msgspec.structs.fields(section) if field.required]


def tag(section: type[Section]) -> str | None:
    """The value of `kind` that selects this member of a union; None for a section of no union."""
    return getattr(section.__struct_config__, "tag", None)


def bare(hint: Any) -> Any:
    """The type without its bounds."""
    return bare(get_args(hint)[0]) if get_origin(hint) is Annotated else hint


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The members of a union, without bounds; of any other type, the type alone."""
    hint = bare(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(bare(member) for member in get_args(hint))
    return (hint,)


def sections(hint: Any) -> tuple[type[Section], ...]:
    """The sections that a value of this type can be."""
    return tuple(m for m in alternatives(hint) if isinstance(m, type) and issubclass(m, Section))


def section_of(hint: Any, tree: dict[str, Any]) -> type[Section] | None:
    """The section that this mapping is meant to be; None where the type has none, or none of this kind."""
    members = sections(hint)
    if len(members) == 1:
        return members[0]
    return next((member for member in members if tag(member) == tree.get(KIND)), None)


def item(hint: Any) -> Any | None:
    """Type of the values of a mapping with free keys, or of the items of a list; None for any other type."""
    for member in alternatives(hint):
        if get_origin(member) is dict:
            return get_args(member)[1]
        if get_origin(member) is tuple:
            return get_args(member)[0]
    return None


def children(value: Any, hint: Any) -> Iterator[tuple[str, Any, Any]]:
    """Key, value and type of everything inside a value that its type has a place for."""
    if isinstance(value, dict):
        section = section_of(hint, value)
        hints = fields(section) if section else dict.fromkeys(value, item(hint))
        yield from ((str(key), inner, hints[key]) for key, inner in value.items() if hints.get(key) is not None)
    elif isinstance(value, list) and item(hint) is not None:
        yield from ((str(number), inner, item(hint)) for number, inner in enumerate(value))


def accepts_null(hint: Any) -> bool:
    """Whether null is a value of this type."""
    try:
        msgspec.convert(None, hint)
    except msgspec.ValidationError:
        return False
    return True
