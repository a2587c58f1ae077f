"""What stands in the candidate's process for functions, classes and objects of the tests.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import types
from collections.abc import Callable
from typing import Any

NUMBER = "\x00number"
_ASK = "\x00ask"


class GuestFunction:
    """A function of the tests. It is called where it is, and shows its name, documentation and parameters."""

    def __init__(self, ask: Callable[..., Any], number: int, name: str, text: str, parameters: list[Any]) -> None:
        types_of = {one: getattr(builtins, kind) for one, _, _, kind in parameters if kind}
        shown = {"__name__": name, "__qualname__": name, "__doc__": text or None, "__annotations__": types_of}
        self.__dict__.update({NUMBER: number, _ASK: ask, "\x00parameters": parameters, **shown})

    @property
    def __signature__(self) -> Any:
        import inspect  # noqa: PLC0415 - it takes longer to import than all else

        return inspect.Signature([
            inspect.Parameter(
                name, inspect._ParameterKind(kind), default=default[0] if default else inspect.Parameter.empty
            )
            for name, kind, default, _ in self.__dict__["\x00parameters"]
        ])  # fmt: skip

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the function."""
        return self.__dict__[_ASK]("call", self, arguments, named)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Become a method of the class that holds it."""
        return self if instance is None else types.MethodType(self, instance)


class GuestType(type):
    """A class of the tests: it makes its instances, and holds its attributes, where it is."""

    def __call__(cls, *arguments: Any, **named: Any) -> Any:
        """Make an instance in the tests' process."""
        return vars(cls)[_ASK]("call", cls, arguments, named)

    def __getattr__(cls, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return vars(cls)[_ASK]("get", cls, name)

    def __setattr__(cls, name: str, value: Any) -> None:
        if name[:2] == "__":
            type.__setattr__(cls, name, value)
        else:
            vars(cls)[_ASK]("set", cls, name, value)

    def __iter__(cls) -> Any:
        return vars(cls)[_ASK]("operate", "__iter__", cls)

    def __getitem__(cls, key: Any) -> Any:
        return vars(cls)[_ASK]("operate", "__getitem__", cls, key)


class _Held:
    pass


_attributes: Callable[[Any], dict[str, Any]] = vars(_Held)["__dict__"].__get__


class GuestObject(_Held):
    """An object of the tests. Its public attributes are read and set where it is."""

    def __getattr__(self, name: str) -> Any:
        return _attributes(self)[_ASK]("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        _attributes(self)[_ASK]("set", self, name, value)

    @property
    def __dict__(self) -> Any:  # type: ignore[override]
        return _attributes(self)[_ASK]("attributes", self)


_CLASSES: dict[tuple[str, ...], type] = {}


def guest(ask: Callable[..., Any], number: int, kind: str, name: str, special: list[Any], *more: Any) -> Any:
    """The stand-in of one function, class or object of the tests. `more`: its bases and fields, or its class."""
    if kind == "function":
        return GuestFunction(ask, number, name, *special)
    if kind == "class":
        return _guest_class(ask, number, name, special, *more)
    made = more[0].__new__(more[0]) if more else object.__new__(_plain_class(name, special))
    _attributes(made).update({NUMBER: number, _ASK: ask})
    return made


def _plain_class(name: str, special: list[str]) -> type:
    key = (name, *special)
    if key not in _CLASSES:
        _CLASSES[key] = type(name, (GuestObject,), {method: _operation(method) for method in special})
    return _CLASSES[key]


def _guest_class(
    ask: Callable[..., Any], number: int, name: str, special: list[str], bases: list[type], fields: list[str]
) -> type:
    space: dict[str, Any] = {NUMBER: number, _ASK: ask, **{method: _operation(method) for method in special}}
    if any(issubclass(base, BaseException) for base in bases):
        space = {NUMBER: number, _ASK: ask, "__getattr__": lambda self, one: vars(self)[_ASK]("get", self, one)}
        space["__str__"] = lambda self: vars(self)["\x00text"]
    if fields:
        import dataclasses  # noqa: PLC0415 - rarely needed

        made: Any = dataclasses.make_dataclass(name, fields, eq=False, repr=False, init=False)
        space["__dataclass_fields__"] = made.__dataclass_fields__
    return GuestType(name, tuple(bases) or (GuestObject,), space)


def number_of(value: Any) -> Any:
    """The number of a stand-in, or of an exception that the tests raised; None for anything else."""
    if isinstance(value, (GuestFunction, GuestType, BaseException)):
        return vars(value).get(NUMBER)
    return _attributes(value).get(NUMBER) if isinstance(value, GuestObject) else None


def error(ask: Callable[..., Any], kind: type[BaseException], given: list[Any], text: str, number: int) -> Any:
    """An exception that the tests raised."""
    made = kind.__new__(kind, *given) if isinstance(kind, GuestType) else kind(*given)
    made.args = tuple(given)
    vars(made).update({NUMBER: number, _ASK: ask, "\x00text": text})
    return made


def _operation(name: str) -> Callable[..., Any]:
    def operate(self: Any, *operands: Any, **named: Any) -> Any:
        if name == "__call__":
            return _attributes(self)[_ASK]("call", self, operands, named)
        return _attributes(self)[_ASK]("operate", name, self, *operands)

    return operate


def derived(name: str, bases: tuple[type, ...], members: Any, named: dict[str, Any]) -> type:
    """A class of the tests below classes of the candidate: its functions are those of the tests."""
    made = {key: _member(key, *form) for key, *form in members}

    def fill(space: Any) -> None:
        for key, value in made.items():  # one by one: the namespace of an enumeration looks at each
            space[key] = value

    return types.new_class(name, bases, named, fill)


def _member(name: str, form: str, *parts: Any) -> Any:
    if form == "field":
        import dataclasses  # noqa: PLC0415 - rarely needed

        return dataclasses.field(**parts[0])
    if form == "abstract" and isinstance(parts[0], GuestFunction):
        parts[0].__dict__["__isabstractmethod__"] = True
    if form == "classmethod" or (name in ("__init_subclass__", "__class_getitem__") and form == "value"):
        return classmethod(parts[0])
    return _WRAPPERS[form](*parts) if form in _WRAPPERS else parts[0]


_WRAPPERS: dict[str, Callable[..., Any]] = {"property": property, "staticmethod": staticmethod}
