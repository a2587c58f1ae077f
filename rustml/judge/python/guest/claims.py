"""Which values an object of the candidate's holds or yields, and equals: asked before anybody names the expected one.

This file runs inside the sandbox and imports nothing of rustml.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from equality import equality  # type: ignore[import-not-found]

_LONGEST = 10_000
"""Items of an object that are looked at."""


def claims(value: Any) -> tuple[Any, ...]:
    """The values in an object that it equals."""
    compare = equality(value)
    return tuple(one for one in _held(value) if _answers(compare, one))


def _answers(compare: Any, value: Any) -> bool:
    try:
        return compare(value) is True
    except Exception:  # it cannot be compared with this
        return False


def _held(value: Any) -> Iterator[Any]:
    """What stands in its attributes, what it yields, and its text."""
    kind = type(value)
    slots = [name for base in kind.__mro__ for name in getattr(base, "__slots__", ()) if hasattr(value, name)]
    state = [*(getattr(value, name) for name in slots), *getattr(value, "__dict__", {}).values()]
    yield from state
    if len(state) > 1:
        yield tuple(state)
    yield from (list(one) for one in state if isinstance(one, tuple))
    yield from (tuple(one) for one in state if isinstance(one, list))
    if hasattr(kind, "__iter__"):
        yield from _yielded(value)
    if getattr(kind, "__str__", None) is not object.__str__:
        yield from _safely(lambda: str(value))
    yield None


def _yielded(value: Any) -> Iterator[Any]:
    items = next(_safely(lambda: list(islice(value, _LONGEST))), None)
    if items is None:
        return
    yield items
    yield tuple(items)
    if hasattr(value, "isdisjoint") or hasattr(value, "union"):
        yield from _safely(lambda: set(items))
    if hasattr(value, "keys") or hasattr(value, "items"):
        yield from _safely(lambda: {key: value[key] for key in items})


def _safely(make: Any) -> Iterator[Any]:
    try:
        made = make()
    except Exception:
        return
    yield made
