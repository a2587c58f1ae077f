"""Classes of the tests that derive from the candidate's: made in both processes; methods run where they are written.

In the candidate's process a real class stands below the candidate's, and its methods are calls to the tests. In the
tests' process the class is a stand-in, and holds its own methods.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import dataclasses
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

from stand_ins import NUMBER, Content, Opaque, StandIn, StandInType  # type: ignore[import-not-found]

_THERE = frozenset({
    "__init__", "__new__", "__getattr__", "__getattribute__", "__setattr__", "__delattr__", "__del__",
    "__init_subclass__", "__class_getitem__", "__post_init__", "__set_name__",
})  # fmt: skip
"""Methods that are called where the object is, and by nobody else."""
_HERE = frozenset({"__classcell__", "__orig_bases__", "__parameters__"})
_KINDS = (types.FunctionType, property, classmethod, staticmethod, type)


class Derivation:
    """Makes the classes of one link."""

    def __init__(self, link: Any) -> None:
        self._link = link
        self._mirrors: dict[type, int] = {}

    def make(self, name: str, bases: tuple[type, ...], space: dict[str, Any], named: dict[str, Any]) -> type:
        """The class statement `class name(*bases, **named)` of the tests."""
        here = {key: value for key, value in space.items() if key not in _THERE and _is_here(key, value)}
        made: type = type.__new__(StandInType, name, bases, {**here, "link": self._link, NUMBER: -1})
        number, special = self._there(name, bases, space, named)
        type.__setattr__(made, NUMBER, number)
        self._link.adopt(made, number, special)
        return made

    def class_there(self, kind: Any) -> Any:
        """A class in the candidate's process: a stand-in as it is, a class of the tests by the number of its mirror."""
        if isinstance(kind, StandInType) or kind.__module__ in sys.stdlib_module_names:
            return kind
        if kind not in self._mirrors:
            self._mirrors[kind] = self._there(kind.__name__, kind.__bases__, dict(vars(kind)), {})[0]
        return self._mirrors[kind]

    def _there(self, name: str, bases: Any, space: dict[str, Any], named: dict[str, Any]) -> tuple[int, list[str]]:
        above = tuple(self.class_there(base) for base in bases if base not in (typing.Generic, typing.Protocol))
        skipped = {*_HERE, "__dict__", "__weakref__"}
        members = tuple((key, *_form(value)) for key, value in space.items() if key not in skipped)
        number, special = self._link.request("derive", name, above, members, named)
        return int(number), list(map(str, special))

    def data_class(self, made: Any, named: dict[str, Any]) -> Any:
        """The class as `dataclasses.dataclass` makes it, in the candidate's process."""
        fields, special = self._link.request("data_class", made, named)
        type.__setattr__(made, "__dataclass_fields__", {str(name): named_field(str(name)) for name in fields})
        type.__setattr__(made, "compares", "__eq__" in special or made.compares)
        self._link.adopt(made, type.__getattribute__(made, NUMBER), list(map(str, special)))
        return made


def named_field(name: str) -> Any:
    """A field of a data class by its name alone."""
    field = dataclasses.field()
    field.name, field.type = name, Any
    field._field_type = dataclasses._FIELD  # type: ignore[attr-defined]
    return field


def _is_here(key: str, value: Any) -> bool:
    return isinstance(value, _KINDS) or key in _HERE or key in ("__module__", "__qualname__", "__doc__", "__hash__")


def _form(value: Any) -> tuple[Any, ...]:
    """What the candidate's process makes a member of the class of."""
    if isinstance(value, property):
        return "property", value.fget, value.fset, value.fdel
    if isinstance(value, (classmethod, staticmethod)):
        return type(value).__name__, value.__func__
    if isinstance(value, dataclasses.Field):
        names = ("default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
        given = {name: getattr(value, name) for name in names}
        return "field", {name: one for name, one in given.items() if one is not dataclasses.MISSING}
    return ("abstract" if getattr(value, "__isabstractmethod__", False) is True else "value"), value


class Above:
    """`super()` in a method of such a class: what stands above the class, in the candidate's process."""

    def __init__(self, kind: type, target: Any) -> None:
        object.__setattr__(self, "\x00parts", (kind, target))

    def __getattribute__(self, name: str) -> Any:
        kind, target = object.__getattribute__(self, "\x00parts")
        link = (target if isinstance(target, StandInType) else type(target)).link
        if name in ("__eq__", "__ne__"):
            return _comparison(link, kind, target, equal=name == "__eq__")
        return link.request("above", link.derivation.class_there(kind), target, name)


def _comparison(link: Any, kind: Any, target: Any, *, equal: bool) -> Callable[[Any], Any]:
    """Data equals no object, and an equality that cannot tell objects apart counts here as little as elsewhere."""

    def compare(other: Any) -> bool:
        if not isinstance(target, Opaque) or isinstance(target, Content):
            return (builtins.super(kind, target).__eq__(other) is True) == equal
        both = isinstance(other, Opaque)
        asked = both and link.request("equal_above", link.derivation.class_there(kind), target, other)
        return (asked is True) == equal

    return compare


def above(*given: Any) -> Any:
    """`super`, as the tests see it."""
    frame = sys._getframe(1)
    held = frame.f_locals
    kind, target = given if given else (held["__class__"], held[frame.f_code.co_varnames[0]])
    return Above(kind, target) if isinstance(target, (StandIn, StandInType)) else builtins.super(kind, target)


_data_class = dataclasses.dataclass


def data_class(kind: Any = None, /, **named: Any) -> Any:
    """`dataclasses.dataclass`, also for a class that derives from the candidate's."""
    if isinstance(kind, StandInType):
        return kind.link.derivation.data_class(kind, named)
    if kind is None:
        return lambda one: data_class(one, **named)
    return _data_class(kind, **named)
