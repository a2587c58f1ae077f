"""What stands in the tests' process for objects and classes of the candidate.

A stand-in does what the object does, in the candidate's process. It decides nothing that an assertion rests on: it
equals no data, and its own truth, order and membership count only where the tests ask for its class by name.

This file runs inside the sandbox and imports nothing of rustml.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

NUMBER = "\x00number"
"""Where a stand-in keeps its number; no attribute of a candidate has such a name by accident."""
_NAMES = """
abs add aenter aexit aiter and anext bytes call ceil complex delitem divmod enter exit float floor floordiv format
getitem iadd iand ifloordiv ilshift imatmul imod imul index int invert ior ipow irshift isub iter itruediv ixor len
lshift matmul mod mul neg next or pos pow radd rand rdivmod repr reversed rfloordiv rlshift rmatmul rmod rmul ror round
rpow rrshift rshift rsub rtruediv rxor setitem str sub truediv trunc xor
"""
OPERATIONS = frozenset(f"__{name}__" for name in _NAMES.split())
"""Special methods that a stand-in passes on as they are."""
ORDER = frozenset({"__lt__", "__le__", "__gt__", "__ge__"})
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

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """Make an instance in the candidate's process."""
        return cls.link.request("call", cls, arguments, named)

    def __getattr__(cls, name: str) -> Any:
        return type.__getattribute__(cls, "link").get(cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
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


class StandIn:
    """An object of the candidate."""

    link: Any = None
    asked_for = False
    """Whether the tests use its class by name."""

    def __getattr__(self, name: str) -> Any:
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


class Opaque(StandIn):
    """An object that is not data."""

    compares = truth = False
    """Whether its class defines equality, and truth or length."""

    def __eq__(self, other: Any) -> bool:
        """Ask the candidate about two of its objects; data equals none of them."""
        if self is other:
            return True
        both = isinstance(other, Opaque) and (self.compares or other.compares)
        return both and type(self).link.request("equal", self, other) is True

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


class Content(Opaque):
    """An object of a class derived from a container: it equals what holds the same."""

    def __eq__(self, other: Any) -> bool:
        """Compare what they hold."""
        return bool(content_of(self) == (content_of(other) if isinstance(other, Content) else other))

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return bool(content_of(self))

    def __len__(self) -> int:
        return len(content_of(self))

    def __iter__(self) -> Any:
        return type(self).link.request("operate", "__iter__", self)

    def __contains__(self, item: Any) -> bool:
        return item in content_of(self)


def number_of(stand_in: Any) -> int:
    """The number of the object that a stand-in stands for."""
    holder = type if isinstance(stand_in, StandInType) else object
    number: int = holder.__getattribute__(stand_in, NUMBER)
    return number


def content_of(stand_in: Content) -> Any:
    """What an object of a container's class holds."""
    return type(stand_in).link.request("content", stand_in)


def _decided(stand_in: Any, what: str) -> bool:
    if not type(stand_in).asked_for:
        raise Undecided(f"the {what} of an object whose class the tests do not ask for")
    answer = type(stand_in).link.request("truth", stand_in)
    return answer is True


def _operation(name: str) -> Callable[..., Any]:
    def operate(self: Any, *operands: Any) -> Any:
        return type(self).link.request("operate", name, self, *operands)

    return operate


def _comparison(name: str) -> Callable[..., Any]:
    def compare(self: Any, other: Any) -> Any:
        if isinstance(self, Content):
            return getattr(content_of(self), name)(content_of(other) if isinstance(other, Content) else other)
        if not (isinstance(other, StandIn) or type(self).asked_for):
            raise Undecided("the order of data and an object whose class the tests do not ask for")
        return type(self).link.request("operate", name, self, other)

    return compare


def _call(self: Any, *arguments: Any, **named: Any) -> Any:
    return type(self).link.request("call", self, arguments, named)


def _leave(self: Any, kind: Any, error: Any, trace: Any) -> bool:
    answer = type(self).link.request("operate", "__exit__", self, kind, error, None)
    return answer is True and not type(self).link.fails(error, trace)


def _await(self: Any) -> Any:
    yield from ()  # it never waits: the candidate's process runs the awaitable to its end
    return type(self).link.request("await", self)


def _send(self: Any, value: Any) -> Any:  # noqa: ARG001 - it runs to its end at once
    raise StopIteration(type(self).link.request("await", self))


def _close(self: Any) -> None:
    """Nothing runs that would have to be ended."""


def _throw(self: Any, error: Any, *_: Any) -> Any:  # noqa: ARG001 - nothing runs that it could be thrown into
    raise error


SPECIAL: dict[str, Any] = {
    **{name: _operation(name) for name in OPERATIONS},
    **{name: _comparison(name) for name in ORDER},
    "__call__": _call,
    "__exit__": _leave,
    "__await__": _await,
}
COROUTINE = {"send": _send, "close": _close, "throw": _throw}


_OF_CONTAINERS = """
getitem setitem delitem reversed add radd iadd mul rmul imul or ror ior and rand iand sub rsub isub xor rxor ixor
"""
for _name in _OF_CONTAINERS.split():
    setattr(Content, f"__{_name}__", SPECIAL[f"__{_name}__"])


def methods(special: frozenset[str], bases: tuple[type, ...], fields: tuple[str, ...]) -> dict[str, Any]:
    """The namespace of a class with these special methods and, if it is a data class, fields."""
    decided_by_data = any(issubclass(base, VALUES) for base in bases)
    left_out = {"__iter__", "__len__", "__contains__", "__getitem__", *ORDER} if decided_by_data else set()
    left_out |= {"__iter__", "__len__"} if any(issubclass(base, Content) for base in bases) else set()
    names: dict[str, Any] = {name: SPECIAL[name] for name in special & SPECIAL.keys() - left_out}
    if "__await__" in special:
        names |= COROUTINE
    if not decided_by_data and any(issubclass(base, Opaque) for base in bases):
        asks: dict[str, Any] = {"compares": True}
        if not any(issubclass(base, Content) for base in bases):
            asks |= {"__eq__": Opaque.__eq__, "__hash__": Opaque.__hash__}
        names |= asks if "__eq__" in special else {}
        names |= {"truth": True} if special & {"__bool__", "__len__"} else {}
    if decided_by_data:
        names |= _of_data(next(one for base in bases for one in VALUES if issubclass(base, one)))
    if fields:
        names["__dataclass_fields__"] = {name: _field(name) for name in fields}
    return names


def _of_data(base: type) -> dict[str, Any]:
    """What decides an assertion, as the base has it: the candidate's own say comes first by no path."""
    deciding = ("eq", "ne", "lt", "le", "gt", "ge", "hash", "len", "iter", "contains", "getitem", "bool")
    names = {f"__{name}__": getattr(base, f"__{name}__") for name in deciding if hasattr(base, f"__{name}__")}
    return {"__bool__": lambda self: len(self) > 0, **names}


def _equal_content(content: Callable[[Any], Any]) -> dict[str, Any]:
    """Equality of what `content` reads off an object, with data too."""

    def equal(self: Any, other: Any) -> bool:
        return bool(content(self) == (content(other) if isinstance(other, Opaque) else other))

    return {"__eq__": equal, "__hash__": None}


BY_CONTENT: dict[str, dict[str, Any]] = {
    "collections.abc.Mapping": _equal_content(lambda one: {key: one[key] for key in one}),
    "collections.abc.Set": _equal_content(set),
    "collections.UserList": _equal_content(list),
}
"""Classes of the standard library whose equality is one of what they yield, unless a derived class has its own."""


class Documentation:
    """The documentation of an object or class of the candidate's, which it is asked for."""

    def __get__(self, instance: Any, kind: Any) -> Any:
        return kind.link.get(kind if instance is None else instance, "__doc__")


def _field(name: str) -> Any:
    field = dataclasses.field()
    field.name, field.type = name, Any
    field._field_type = dataclasses._FIELD  # type: ignore[attr-defined]
    return field
