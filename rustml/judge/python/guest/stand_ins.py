"""What stands in the tests' process for objects and classes of the candidate.

A stand-in does what the object does, in the candidate's process. It decides nothing that an assertion rests on: it
equals no data, and its own truth, order and membership count only where the tests ask for its class by name.

This file runs inside the sandbox and imports nothing of rustml.
"""

from typing import Any

import blind  # type: ignore[import-not-found]
import copies  # type: ignore[import-not-found]
from wire import COPIES  # type: ignore[import-not-found]

NUMBER = "\x00number"
"""Where a stand-in keeps its number; no attribute of a candidate has such a name by accident."""
VALUES: tuple[type, ...] = (int, float, str, bytes, tuple, frozenset, complex)
"""Bases whose instances are data: a stand-in of a class derived from one holds that data itself."""
CONTENTS: tuple[type, ...] = (list, dict, set, bytearray)
"""Bases whose instances are compared by what they hold."""


class Undecided(AssertionError):
    """An assertion would rest on what an object of the candidate says of itself. It fails."""


class StandInType(type):
    """A class of the candidate: it makes its instances, and holds its attributes, where it is."""

    link: Any = None
    asked_for = False

    def __new__(mcs, name: str, bases: tuple[type, ...], space: dict[str, Any], **named: Any) -> Any:
        """A class that the link makes, or one that the tests derive from it."""
        if NUMBER in space:
            return super().__new__(mcs, name, bases, space)
        link = next(base.link for base in bases if isinstance(base, StandInType))
        return link.derivation.make(name, bases, space, named)

    def __init__(cls, name: str, bases: tuple[type, ...], space: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, space)

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """Make an instance in the candidate's process."""
        return cls.link.request("call", cls, arguments, named)

    def __getattr__(cls, name: str) -> Any:
        return type.__getattribute__(cls, "link").get(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name in vars(cls) and callable(value):
            type.__setattr__(cls, name, value)  # a method of a class of the tests
        cls.link.request("set", cls, name, value)

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        known = isinstance(instance, StandIn) and cls.link is not None
        return known and cls.link.request("instance", instance, cls) is True

    def __iter__(cls) -> Any:
        return cls.link.request("operate", "__iter__", cls)

    def __len__(cls) -> Any:
        return cls.link.request("operate", "__len__", cls)

    def __bool__(cls) -> bool:
        return True

    def __getitem__(cls, key: Any) -> Any:
        return cls.link.request("operate", "__getitem__", cls, key)

    def __contains__(cls, item: Any) -> bool:
        return any(item is one or item == one for one in cls)

    def __repr__(cls) -> str:
        return str(cls.link.request("operate", "__repr__", cls))


_PREDICATES = frozenset(
    name for kind in (str, bytes, set, float) for name in dir(kind) if name.startswith(("is", "starts", "ends"))
)
"""Methods of types of data that answer yes or no."""


class Lifted:
    """An attribute that every class of Python has, and that is looked up where the object is."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, kind: Any) -> Any:
        return kind.link.get(kind if instance is None else instance, self._name)


class StandIn:
    """An object of the candidate."""

    __init__ = Lifted("__init__")

    link: Any = None
    asked_for = False
    """Whether the tests use its class by name."""

    def __getattr__(self, name: str) -> Any:
        if name in _PREDICATES and not type(self).asked_for:
            raise Undecided(f"the {name} of an object whose class the tests do not ask for")
        return type(self).link.get(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("__traceback__", "__context__", "__cause__", "__suppress_context__"):
            object.__setattr__(self, name, value)  # of an exception, and this process's own business
        else:
            type(self).link.request("set", self, name, value)

    def __delattr__(self, name: str) -> None:
        type(self).link.request("delete", self, name)

    def __dir__(self) -> Any:
        return type(self).link.request("operate", "__dir__", self)

    def __del__(self) -> None:
        type(self).link.release(number_of(self))

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return type(self).link.get(self, "__dict__")

    def __copy__(self) -> Any:
        return copies.copied(self, plain(self), None)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copies.copied(self, plain(self), memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return copies.reduced(self, plain(self), protocol)


class Opaque(StandIn):
    """An object that is not data."""

    compares = truth = False
    """Whether its class defines equality, and truth or length."""

    def __eq__(self, other: Any) -> bool:
        """Ask the candidate about two of its objects; about data only where it cannot know which value is right."""
        if self is other:
            return True
        if not isinstance(other, Opaque):
            link = type(self).link
            known = self.compares and type(self).asked_for
            return known and blind.equal(link.request, link.claims(self), self, other)
        return (self.compares or other.compares) and type(self).link.request("equal", self, other) is True

    def __hash__(self) -> int:
        if "__hash__" in type(self).link.special(type(self)):
            return hash(type(self).link.request("operate", "__hash__", self))
        if self.compares:
            raise TypeError(f"unhashable type: {type(self).__name__!r}")
        return hash(number_of(self))

    def __bool__(self) -> bool:
        return not self.truth or _decided(self, "truth")

    def __contains__(self, item: Any) -> bool:
        if "__contains__" in type(self).link.special(type(self)) and type(self).asked_for:
            return type(self).link.request("operate", "__contains__", self, item) is True
        return any(item is one or item == one for one in self)  # type: ignore[attr-defined]


_ANSWERS = _PREDICATES | {"count", "index", "union", "intersection", "difference", "symmetric_difference"}


_SEEN: dict[type, type] = {}


class Content(Opaque):
    """An object of a class derived from a container: it equals what holds the same."""

    holds: type = list

    def __eq__(self, other: Any) -> bool:
        """Compare what they hold."""
        return bool(content_of(self) == (content_of(other) if isinstance(other, Content) else other))

    __hash__ = None  # type: ignore[assignment]

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What `isinstance` looks at beside the type: a class of this name below the container's."""
        kind = type(self)
        if kind not in _SEEN:
            _SEEN[kind] = type(kind.__name__, (kind.holds,), {})
        return _SEEN[kind]

    def __repr__(self) -> str:
        return repr(content_of(self))

    def __bool__(self) -> bool:
        return bool(content_of(self))

    def __len__(self) -> int:
        return len(content_of(self))

    def __iter__(self) -> Any:
        return type(self).link.request("operate", "__iter__", self)

    def __contains__(self, item: Any) -> bool:
        return item in content_of(self)

    def __getattr__(self, name: str) -> Any:
        """The base's own answer to what an assertion may rest on alone."""
        if name in _ANSWERS and not type(self).asked_for:
            return getattr(content_of(self), name)
        return super().__getattr__(name)


def number_of(stand_in: Any) -> int:
    """The number of the object that a stand-in stands for."""
    holder = type if isinstance(stand_in, StandInType) else object
    number: int = holder.__getattribute__(stand_in, NUMBER)
    return number


def content_of(stand_in: Content) -> Any:
    """What an object of a container's class holds."""
    return type(stand_in).link.request("content", stand_in)


def plain(value: Any) -> Any:
    """The data that an object of a derived class holds; anything else as it is."""
    if isinstance(value, Content):
        return content_of(value)
    base = next((base for base in COPIES if isinstance(value, base)), None) if isinstance(value, StandIn) else None
    return COPIES[base](value) if base is not None else value


def _decided(stand_in: Any, what: str) -> bool:
    if not type(stand_in).asked_for:
        raise Undecided(f"the {what} of an object whose class the tests do not ask for")
    answer = type(stand_in).link.request("truth", stand_in)
    return answer is True
