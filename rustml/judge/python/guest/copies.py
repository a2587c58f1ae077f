"""Copies of a candidate's objects, by `copy` and by `pickle`: made where the objects are.

Only where the tests ask for the class: what else derives from data or a container is copied as that, in the tests'
process, so that a candidate cannot hand out one object as its own copy.

This file runs inside the sandbox and imports nothing of rustml.
"""

import copy
from typing import Any


class Uncopied(AssertionError):
    """The tests do not ask for the class of the object that they copy. It fails."""


def copied(stand_in: Any, data: Any, memo: dict[int, Any] | None) -> Any:
    """A copy, deep where there is a `memo`; `data` is what the object holds, itself where that is nothing."""
    kind = type(stand_in)
    if kind.asked_for:
        return kind.link.request("copy", stand_in, -1 if memo is None else id(memo))
    if data is stand_in:
        raise Uncopied("a copy of an object whose class the tests do not ask for")
    return copy.copy(data) if memo is None else copy.deepcopy(data, memo)


def reduced(stand_in: Any, data: Any, protocol: int) -> tuple[Any, ...]:
    """What pickle keeps: what the candidate's process makes of the object, or the data in it."""
    kind = type(stand_in)
    if kind.asked_for:
        return revived, (kind.link.request("pickle", stand_in, protocol),)
    if data is stand_in:
        raise Uncopied("a copy of an object whose class the tests do not ask for")
    return same, (data,)


def same(data: Any) -> Any:
    """The data itself."""
    return data


links: list[Any] = []
"""The conversation with the candidate."""


def revived(data: bytes) -> Any:
    """The object that the candidate's process pickled."""
    return links[0].request("unpickle", data)
