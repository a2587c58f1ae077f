"""The special methods of stand-ins.

Each is done to the object, where it is. Not so where an assertion would rest on it: what an object whose class the
tests do not ask for answers to data, as `abs(f(x) - 1.5) < 1e-6` would ask it, is its own claim and decides nothing. If
it derives from a type of data or a container, the operation is the base's, on the data that it holds.

This file runs inside the sandbox and imports nothing of rustml.
"""

from collections.abc import Callable
from typing import Any

from derivation import named_field  # type: ignore[import-not-found]
from stand_ins import (  # type: ignore[import-not-found]
    VALUES,
    Content,
    Opaque,
    StandIn,
    StandInType,
    Undecided,
    content_of,
    plain,
)  # fmt: skip

_NAMES = """
abs add aenter aexit aiter and anext bytes call ceil complex delitem divmod enter exit float floor floordiv format
getitem iadd iand ifloordiv ilshift imatmul imod imul index int invert ior ipow irshift isub iter itruediv ixor len
lshift matmul mod mul neg next or pos pow radd rand rdivmod repr reversed rfloordiv rlshift rmatmul rmod rmul ror round
rpow rrshift rshift rsub rtruediv rxor setitem str sub truediv trunc xor
"""
OPERATIONS = frozenset(f"__{name}__" for name in _NAMES.split())
"""Special methods that a stand-in passes on as they are."""
_PLACED = "add and floordiv lshift matmul mod mul or pow rshift sub truediv xor"
IN_PLACE = frozenset(f"__i{name}__" for name in _PLACED.split())
_KNOWN = "aenter aexit aiter anext call delitem enter exit format getitem iter len next repr reversed setitem str"
_NO_ANSWERS = frozenset(f"__{name}__" for name in _KNOWN.split())
"""Special methods whose answer an object has to know itself. Those of the others an assertion may rest on alone."""
_CONVERSIONS = frozenset({"__float__", "__int__", "__index__", "__complex__", "__bytes__"})
ORDER = frozenset({"__lt__", "__le__", "__gt__", "__ge__"})


def _operation(name: str) -> Callable[..., Any]:
    def operate(self: Any, *operands: Any) -> Any:
        kind = type(self)
        ask = kind.link.request
        if kind.asked_for or name in _NO_ANSWERS or (operands and not any(map(_is_data, operands))):
            return ask("operate", name, self, *operands)
        if isinstance(self, (Content, *VALUES)) and not (isinstance(self, Content) and name in IN_PLACE):
            return _of_base(name, plain(self), [plain(operand) for operand in operands])
        answer = ask("operate", name, self, *operands)
        if answer is self or answer is NotImplemented or name in _CONVERSIONS:
            return answer
        raise Undecided("an operation on data and an object whose class the tests do not ask for")

    return operate


def _is_data(operand: Any) -> bool:
    return not (isinstance(operand, (StandIn, StandInType)) or callable(operand))


def _of_base(name: str, held: Any, operands: list[Any]) -> Any:
    """The operation as the type of data has it; NotImplemented where it has none."""
    if name == "__radd__" and not hasattr(held, name):
        return operands[0] + held
    return getattr(held, name, lambda *_: NotImplemented)(*operands)


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
        names["__dataclass_fields__"] = {name: named_field(name) for name in fields}
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
