"""Equality of an object of the candidate's with data, asked so that the candidate does not know what would be right.

The object is compared with many values of which one is the expected one, at a place drawn by chance. They differ in one
number, in equal steps, so that nothing tells the expected one apart. It counts as equal if it equals that one alone.

This file runs inside the sandbox and imports nothing of rustml.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any

VALUES = 256
"""How many values are compared: an object that guesses is right once in as many times."""
_MOST_NUMBERS = 64
_FINENESS = 128
"""Values of other types than `int` differ by one of so many parts: an equality that rounds equals several of them."""
_NUMBERS = ("builtins.int", "builtins.float", "decimal.Decimal", "fractions.Fraction")
_chance = random.SystemRandom()


def equal(ask: Callable[..., Any], target: Any, value: Any) -> bool:
    """Whether `target` equals `value`: never where no number is in it, or too many."""
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
