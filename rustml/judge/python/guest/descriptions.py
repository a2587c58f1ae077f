"""What the candidate's process is told about functions and objects of the tests.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import inspect
import types
from typing import Any

import operations  # type: ignore[import-not-found]
from stand_ins import StandInType  # type: ignore[import-not-found]
from wire import SCALARS  # type: ignore[import-not-found]

FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodWrapperType, type)


def described(value: Any) -> list[Any]:
    """What the candidate's process makes a stand-in of: kind, name and special methods."""
    if is_own(value):
        return ["class", value.__name__, _special(value)]
    if isinstance(value, FUNCTIONS) or type(value).__name__ == "partial":
        return ["function", str(getattr(value, "__name__", "function")), [str(value.__doc__ or ""), _parameters(value)]]
    return ["object", type(value).__name__, _special(type(value))]


def is_own(kind: Any) -> bool:
    """Whether it is a class that the tests define."""
    return type(kind) is not StandInType and isinstance(kind, type) and kind.__module__ == "tests"


def _special(kind: type) -> list[str]:
    names = (*operations.SPECIAL, "__eq__", "__hash__", "__bool__", "__contains__")
    return [name for name in names if _has(kind, name)]


def _parameters(function: Any) -> list[list[Any]]:
    """Name, kind, default and type of each, as far as they are the language's own; none where there is no signature."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [[one.name, int(one.kind), _plain(one.default), _type_name(one.annotation)] for one in parameters]


def _plain(default: Any) -> list[Any]:
    """Nothing where there is no default; one that is not plain data is not shown."""
    if default is inspect.Parameter.empty:
        return []
    return [default if type(default) in SCALARS else None]


def _type_name(annotation: Any) -> str:
    own = isinstance(annotation, type) and getattr(builtins, annotation.__name__, None) is annotation
    return annotation.__name__ if own else ""


def _has(kind: type, name: str) -> bool:
    method = getattr(kind, name, None)
    return method is not None and method is not getattr(object, name, None)


def signature(parameters: Any) -> inspect.Signature:
    """The signature of a function of the candidate's, from what its process says of it."""
    rows, result = parameters
    if rows is None:
        raise AttributeError("__signature__")
    made = [
        inspect.Parameter(
            str(name),
            inspect._ParameterKind(kind),
            default=default[0] if default else inspect.Parameter.empty,
            annotation=annotation[0] if annotation else inspect.Parameter.empty,
        )
        for name, kind, default, annotation in rows
    ]
    return inspect.Signature(made, return_annotation=result[0] if result else inspect.Signature.empty)
