"""What is wrong with a profile, said by its key."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

import msgspec

from rustml.profile.schema import KIND, alternatives, children, fields, required, section_of, sections, tag


@dataclass(frozen=True)
class Fault:
    """One refusal."""

    key: str
    """Dotted, such as `sft.steps`; empty for the profile as a whole."""
    reason: str


def fault(value: Any, hint: Any) -> Fault | None:
    """The first key that the types refuse; None where the whole value is valid."""
    return _unknown(value, hint, "") or _invalid(value, hint, "")


def _unknown(value: Any, hint: Any, at: str) -> Fault | None:
    """A key that its section lacks, or a kind that its union lacks; msgspec alone says neither path nor neighbour."""
    if isinstance(value, dict):
        section, members = section_of(hint, value), sections(hint)
        if len(members) > 1 and section is None:
            return _no_member(value, [str(tag(member)) for member in members], at)
        known = fields(section) if section else value
        for key in value:
            if key not in known:
                return Fault(_join(at, str(key)), f"unknown key '{_join(at, str(key))}'{_near(str(key), known, at)}")
    for key, inner, kind in children(value, hint):
        refusal = _unknown(inner, kind, _join(at, key))
        if refusal:
            return refusal
    return None


def _no_member(value: dict[str, Any], kinds: list[str], at: str) -> Fault:
    if KIND not in value:
        return Fault(at, f"'{at}' must say its {KIND}: one of {', '.join(kinds)}")
    return Fault(_join(at, KIND), f"{_join(at, KIND)}: {_no_choice(value[KIND], kinds)}")


def _invalid(value: Any, hint: Any, at: str) -> Fault | None:
    """The innermost value that msgspec refuses, and why."""
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        for key, inner, kind in children(value, hint):
            refusal = _invalid(inner, kind, _join(at, key))
            if refusal:
                return refusal
        return Fault(at, f"{at}: {_reason(value, hint, error)}" if at else _reason(value, hint, error))
    return None


def _reason(value: Any, hint: Any, error: msgspec.ValidationError) -> str:
    section = section_of(hint, value) if isinstance(value, dict) else None
    missing = [name for name in required(section) if name not in value] if section else []
    if missing:
        return f"missing: {', '.join(f'`{name}`' for name in missing)}"
    for member in alternatives(hint):
        if get_origin(member) is Literal and isinstance(value, str):
            return _no_choice(value, [str(choice) for choice in get_args(member)])
    return str(error)


def _no_choice(value: Any, choices: list[str]) -> str:
    near = difflib.get_close_matches(str(value), choices, n=1)
    return f"'{value}' is not one of {', '.join(choices)}" + (f"; did you mean '{near[0]}'?" if near else "")


def _near(key: str, known: Iterable[str], at: str) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean '{_join(at, near[0])}'?" if near else f"; known here: {', '.join(known)}"


def _join(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
