"""What stands in the candidate's process for functions and objects of the tests: callbacks, and what is handed over.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import types
from collections.abc import Callable
from typing import Any

NUMBER = "\x00number"


class GuestFunction:
    """A function of the tests. It is called where it is, and shows its name, documentation and parameters."""

    def __init__(self, ask: Callable[..., Any], number: int, name: str, text: str, parameters: list[Any]) -> None:
        types_of = {one: getattr(builtins, kind) for one, _, _, kind in parameters if kind}
        shown = {"__name__": name, "__qualname__": name, "__doc__": text or None, "__annotations__": types_of}
        self.__dict__.update({NUMBER: number, "\x00ask": ask, "\x00parameters": parameters, **shown})

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
        return self.__dict__["\x00ask"]("call", self, arguments, named)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """Become a method of the class that holds it."""
        return self if instance is None else types.MethodType(self, instance)


class GuestObject:
    """An object of the tests. Its public attributes are read and set where it is."""

    def __init__(self, ask: Callable[..., Any], number: int) -> None:
        self.__dict__.update({NUMBER: number, "\x00ask": ask})

    def __getattr__(self, name: str) -> Any:
        return self.__dict__["\x00ask"]("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__dict__["\x00ask"]("set", self, name, value)


_CLASSES: dict[tuple[str, ...], type] = {}


def guest(ask: Callable[..., Any], number: int, kind: str, name: str, special: list[Any]) -> Any:
    """The stand-in of one function, or of one object with its special methods, of the tests."""
    if kind == "function":
        return GuestFunction(ask, number, name, *special)
    key = (name, *special)
    if key not in _CLASSES:
        _CLASSES[key] = type(name, (GuestObject,), {method: _operation(method) for method in special})
    return _CLASSES[key](ask, number)


def number_of(value: Any) -> Any:
    """The number of a stand-in, or of an exception that the tests raised; None for anything else."""
    if isinstance(value, (GuestFunction, GuestObject, BaseException)):
        return value.__dict__.get(NUMBER)
    return None


def _operation(name: str) -> Callable[..., Any]:
    def operate(self: Any, *operands: Any) -> Any:
        return self.__dict__["\x00ask"]("operate", name, self, *operands)

    return operate
