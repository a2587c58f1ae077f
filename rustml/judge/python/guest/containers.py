"""Containers that both processes know: what one does to a list, a dictionary or a set, the other sees.

This file runs inside the sandbox and imports nothing of rustml.
"""

import collections
import sys
from collections.abc import Callable, Iterable
from operator import is_
from typing import Any

from wire import SCALARS  # type: ignore[import-not-found]

Pack = Callable[[Any], Any]
TAGS: dict[type, str] = {
    list: "l", dict: "d", set: "s", bytearray: "ba", collections.deque: "dq", collections.OrderedDict: "od",
    collections.Counter: "c", collections.defaultdict: "dd",
}  # fmt: skip
_KINDS = {tag: kind for kind, tag in TAGS.items()}
_MAPPINGS = frozenset({"d", "od", "c", "dd"})
_ONLY_THE_TABLE = 2
"""References to a container that nothing but its entry holds: the entry's own, and the question's."""


class _Entry:
    """A container, and what it held when both sides last agreed."""

    __slots__ = ("image", "number", "tag", "value")

    def __init__(self, number: int, value: Any) -> None:
        self.number, self.value, self.tag = number, value, TAGS[type(value)]
        self.image = _items(self)

    def changed(self) -> bool:
        """Whether other things are in it now, by identity: what they hold has entries of its own."""
        items = _items(self)
        return len(items) != len(self.image) or not all(map(is_, items, self.image))


def _items(entry: _Entry) -> list[Any]:
    if entry.tag in _MAPPINGS:  # each by its own type's means: only an OrderedDict knows its order
        return [*entry.value.keys(), *entry.value.values()]
    return list(entry.value)


class Containers:
    """The containers shared with the other process: one side makes the even numbers, the other the odd ones."""

    def __init__(self, first: int) -> None:
        self._next = first
        self._entries: dict[int, _Entry] = {}
        self._numbers: dict[int, int] = {}

    def pack(self, value: Any, pack: Pack) -> list[Any]:
        """A reference to `value`, with its content where the other side does not know it yet."""
        number = self._numbers.get(id(value))
        if number is not None:
            return ["c", number]
        entry = self._add(self._next, value)
        self._next += 2
        return ["c", entry.number, entry.tag, self._content(entry, pack), _extra(value, entry.tag, pack)]

    def unpack(self, parts: list[Any], unpack: Pack) -> Any:
        """The container of a reference. Raises KeyError where neither side has made it."""
        number = parts[0]
        if len(parts) == 1 or number in self._entries:
            return self._entries[number].value
        _, tag, content, extra = parts
        entry = self._add(int(number), _empty(tag, unpack(extra)))
        self._fill(entry, content, unpack)
        return entry.value

    def changes(self, pack: Pack) -> list[list[Any]]:
        """Number and content of each container that is no longer as both sides know it."""
        return [[entry.number, self._content(entry, pack)] for entry in list(self._entries.values()) if entry.changed()]

    def apply(self, changes: Iterable[list[Any]], unpack: Pack) -> None:
        """Do to containers what the other side did to them."""
        for number, content in changes:
            if number in self._entries:
                self._fill(self._entries[number], content, unpack)

    def forgotten(self) -> list[int]:
        """Drop the containers that nobody on this side holds any more, and return their numbers."""
        numbers = []
        for number, entry in list(self._entries.items()):
            if sys.getrefcount(entry.value) == _ONLY_THE_TABLE:
                numbers.append(number)
                self.drop(number)
            del entry
        return numbers

    def drop(self, number: int) -> None:
        """Share the container no longer."""
        entry = self._entries.pop(number, None)
        if entry is not None:
            del self._numbers[id(entry.value)]

    def _add(self, number: int, value: Any) -> _Entry:
        entry = self._entries[number] = _Entry(number, value)
        self._numbers[id(value)] = number
        return entry

    def _content(self, entry: _Entry, pack: Pack) -> Any:
        entry.image = _items(entry)
        if entry.tag == "ba":
            return bytes(entry.value).hex()
        return [item if type(item) in SCALARS else pack(item) for item in entry.image]

    def _fill(self, entry: _Entry, content: Any, unpack: Pack) -> None:
        if entry.tag == "ba":
            entry.value[:] = bytes.fromhex(content)
        else:
            _replace(entry, [unpack(item) for item in content])
        entry.image = _items(entry)


def _replace(entry: _Entry, items: list[Any]) -> None:
    if entry.tag == "l":
        entry.value[:] = items
        return
    entry.value.clear()
    if entry.tag in _MAPPINGS:
        half = len(items) // 2
        for key, value in zip(items[:half], items[half:], strict=True):
            entry.value[key] = value
    elif entry.tag == "s":
        entry.value.update(items)
    else:
        entry.value.extend(items)


def _extra(value: Any, tag: str, pack: Pack) -> Any:
    """The longest length of a deque, what a defaultdict makes."""
    return pack(value.maxlen if tag == "dq" else value.default_factory if tag == "dd" else None)


def _empty(tag: str, extra: Any) -> Any:
    kind = _KINDS[tag]
    return kind([], extra) if tag == "dq" else kind(extra) if tag == "dd" else kind()
