"""The settings that a sweep tries, as one text.

preset=*                                       each preset that the profile's own files hold
preset=baseline|small-batch                    these presets
sft.optimizer.learning_rate=1e-5|3e-5|1e-4     these values; several keys give every combination
sft.optimizer.learning_rate=1e-5..1e-3         a range on a log scale, from which Optuna draws
sft.batch_size=16..64                          a range of integers
"""

import itertools
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rustml.errors import InputError

NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
RANGE = re.compile(rf"({NUMBER})\.\.({NUMBER})")
ALL, PRESET = "*", "preset"
Setting = tuple[str, ...]
"""Overrides of a profile that make one trial: `("preset=small-batch", "sft.steps=20")`."""


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds, both included."""

    low: float
    high: float
    whole: bool
    """Integers alone; other numbers are drawn on a log scale where `low` is above 0."""


@dataclass(frozen=True)
class Space:
    """What a sweep tries, by dotted key."""

    choices: Mapping[str, Sequence[str]]
    ranges: Mapping[str, Range]

    def grid(self) -> list[Setting]:
        """Every combination of the choices. Raises InputError where a key has a range."""
        for key in self.ranges:
            raise InputError(f"grid: {key} is a range, from which trials are drawn: say how many with --trials")
        named = [[f"{key}={value}" for value in values] for key, values in self.choices.items()]
        return list(itertools.product(*named))


def parse(text: str, presets: Sequence[str]) -> Space:
    """The space that a text says; `presets` are those that `preset=*` stands for.

    Raises InputError for a text without a key, a key given twice or without values, and an empty range.
    """
    choices: dict[str, list[str]] = {}
    ranges: dict[str, Range] = {}
    for word in _words(text):
        key, equals, values = word.partition("=")
        if not (equals and key and values):
            raise InputError(f"grid: '{word}' must be KEY=VALUE|VALUE, KEY=LOW..HIGH or preset=NAME|NAME")
        if key in choices or key in ranges:
            raise InputError(f"grid: {key} is given twice; put its values into one word, separated by '|'")
        limits = RANGE.fullmatch(values)
        if limits:
            ranges[key] = _range(key, *limits.groups())
        else:
            choices[key] = _values(key, values, presets)
    if not choices and not ranges:
        raise InputError("grid is empty: name presets, values or ranges, such as grid='preset=*'")
    return Space(choices, ranges)


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as error:
        raise InputError(f"grid: {text!r}: {error}") from error


def _values(key: str, text: str, presets: Sequence[str]) -> list[str]:
    if key == PRESET and text == ALL:
        if not presets:
            raise InputError("grid: preset=* stands for the presets of the profile's own files, and they hold none")
        return list(presets)
    values = [value.strip() for value in text.split("|")]
    if not all(values):
        raise InputError(f"grid: {key} has an empty value in '{text}'")
    if len(set(values)) < len(values):
        raise InputError(f"grid: {key} has a value twice in '{text}'")
    return values


def _range(key: str, low: str, high: str) -> Range:
    if not float(low) < float(high):
        raise InputError(f"grid: the range of {key} must rise, not {low}..{high}")
    whole = all(re.fullmatch(r"[+-]?\d+", bound) for bound in (low, high))
    return Range(float(low), float(high), whole)
