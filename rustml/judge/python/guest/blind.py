"""Equality of an object of the candidate's with data, asked so that the candidate does not know what would be right.

First the candidate says which of the values in the object it equals. Where they are data, and one value, be it as a
list or as a tuple, that value is compared here, and the candidate does not learn with what.

Else the object is compared with many values of which one is the expected one, at a place drawn by chance. They differ
in one number, in equal steps, so that nothing tells the expected one apart. It counts as equal if it equals that alone.

This file runs inside the sandbox and imports nothing of rustml.
"""

import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

VALUES = 256
"""How many values are compared: an object that guesses is right once in as many times."""
_MOST_NUMBERS = 64
_FINENESS = 128
"""Values of other types than `int` differ by one of so many parts: an equality that rounds equals several of them."""
_NUMBERS = ("builtins.int", "builtins.float", "decimal.Decimal", "fractions.Fraction")
_DATA = frozenset({
    *_NUMBERS, "builtins.str", "builtins.bool", "builtins.bytes", "builtins.complex",
    "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta",
})  # fmt: skip
_chance = random.SystemRandom()


def equal(ask: Callable[..., Any], claims: tuple[Any, ...], target: Any, value: Any) -> bool:
    """Whether `target`, which claims to equal each of `claims`, equals `value`."""
    return (_is_data(value) and any(bool(one == value) for one in claims)) or _picked(ask, target, value)


def one_value(claims: Any) -> tuple[Any, ...]:
    """Copies of claims that are one value, as a list or as a tuple, and data; else nothing."""
    if type(claims) is not tuple or not all(map(_is_data, claims)):
        return ()
    forms = [_form(one) for one in claims]
    return tuple(map(_copied, claims)) if all(one == forms[0] for one in forms) else ()


def _is_data(value: Any) -> bool:
    """Whether nothing in a value can answer for itself."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return all(map(_is_data, value))
    if kind is dict:
        return all(map(_is_data, (*value.keys(), *value.values())))
    known = getattr(sys.modules.get(kind.__module__), kind.__name__, None) is kind
    return (known and f"{kind.__module__}.{kind.__name__}" in _DATA) or value is None


def _form(value: Any) -> Any:
    """The same for a list and a tuple of the same, and for no other values that differ."""
    kind = type(value)
    if kind in (list, tuple):
        return [_form(item) for item in value]
    return {key: _form(item) for key, item in value.items()} if kind is dict else value


def _copied(value: Any) -> Any:
    """A copy that no other process can change."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(map(_copied, value))
    return {_copied(key): _copied(item) for key, item in value.items()} if kind is dict else value


def _picked(ask: Callable[..., Any], target: Any, value: Any) -> bool:
    """Whether, of values that differ in one number, `target` equals `value` alone; never without a number in it."""
    paths = list(_paths(value))
    if not 0 < len(paths) <= _MOST_NUMBERS:
        return False
    path, place = _chance.choice(paths), _chance.randrange(VALUES)
    shown = tuple(_moved(value, path, step - place) for step in range(VALUES))
    answers = ask("equals", target, shown)
    right = [number for number, answer in enumerate(answers) if answer is True]
    return type(answers) is tuple and right == [place]


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    """Where the numbers are in nested lists, tuples and dictionaries."""
    kind = type(value)
    if f"{kind.__module__}.{kind.__name__}" in _NUMBERS:
        yield ()
    held = value.items() if kind is dict else enumerate(value) if kind in (list, tuple) else ()
    for key, inner in held:
        for path in _paths(inner):
            yield (key, *path)


def _moved(value: Any, path: tuple[Any, ...], by: int) -> Any:
    if not path:
        return value + (by if type(value) is int else type(value)(by) / _FINENESS)
    if type(value) is dict:
        return {**value, path[0]: _moved(value[path[0]], path[1:], by)}
    items = [_moved(item, path[1:], by) if place == path[0] else item for place, item in enumerate(value)]
    return items if type(value) is list else tuple(items)
