"""What `import pytest` gives to the tests: raises, approx, fixtures, parameters and marks, in the sense of pytest.

This file runs inside the sandbox and imports nothing of rustml.
"""

import importlib
import re
import types
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from approximate import Approximate  # type: ignore[import-not-found]
from outcomes import Failed, Skipped  # type: ignore[import-not-found]


class Parameters:
    """One set of arguments, with its marks."""

    def __init__(self, values: tuple[Any, ...], marks: Any) -> None:
        self.values = values
        self.marks = tuple(marks) if isinstance(marks, (list, tuple)) else (marks,)


class Mark:
    """A mark: it notes itself on what it decorates."""

    def __init__(self, name: str, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None) -> None:
        self.name, self.args, self.kwargs = name, given, named or {}

    def __call__(self, *given: Any, **named: Any) -> Any:
        """Decorate a function or class, or take arguments."""
        if len(given) == 1 and not named and isinstance(given[0], (types.FunctionType, type)):
            target: Any = given[0]
            target.pytestmark = [*vars(target).get("pytestmark", ()), self]
            return target
        return Mark(self.name, (*self.args, *given), {**self.kwargs, **named})


class _Marks:
    def __getattr__(self, name: str) -> Mark:
        return Mark(name)


class Fixture:
    """A function that makes what tests name as a parameter."""

    def __init__(self, function: Callable[..., Any], *, autouse: bool, scope: str, params: Any, name: Any) -> None:
        self.function, self.autouse, self.scope, self.params = function, autouse, scope, params
        self.name = name or function.__name__


class ExceptionInfo:
    """The exception that a block raised."""

    value: Any = None
    type: Any = None
    tb: Any = None

    @property
    def typename(self) -> str:
        """The name of its class."""
        return str(self.type.__name__)

    def match(self, pattern: Any) -> bool:
        """Fail where its text, or a note, does not hold the pattern."""
        text = "\n".join([str(self.value), *map(str, getattr(self.value, "__notes__", []))])
        if not re.search(pattern, text):
            raise Failed(f"{text!r} does not match {pattern!r}")
        return True

    def group_contains(self, kind: Any, *, match: Any = None) -> bool:
        """Whether a group holds such an exception, however deep."""
        inner = list(getattr(self.value, "exceptions", ()))
        while inner:
            one = inner.pop()
            inner += getattr(one, "exceptions", ())
            if isinstance(one, kind) and (match is None or re.search(match, str(one))):
                return True
        return False


class _Raises(AbstractContextManager[ExceptionInfo]):
    def __init__(self, expected: Any, match: Any = None, check: Any = None) -> None:
        self._expected, self._match, self._check, self._info = expected, match, check, ExceptionInfo()

    def __enter__(self) -> ExceptionInfo:
        return self._info

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if kind is None:
            raise Failed(f"DID NOT RAISE {self._expected}")
        if not issubclass(kind, self._expected):
            return False
        self._info.type, self._info.value, self._info.tb = kind, error, trace
        if self._match is not None:
            self._info.match(self._match)
        if self._check is not None and self._check(error) is not True:
            raise Failed("the check fails")
        return True


class _Warns(AbstractContextManager[Any]):
    """Warnings of the tests' own process."""

    def __init__(self, expected: Any = Warning, match: Any = None) -> None:
        self._expected, self._match = expected, match

    def __enter__(self) -> Any:
        warnings = importlib.import_module("warnings")
        self._catch = warnings.catch_warnings(record=True)
        self._seen = self._catch.__enter__()
        warnings.simplefilter("always")
        return self._seen

    def __exit__(self, *error: Any) -> None:
        self._catch.__exit__(*error)
        fits = (one for one in self._seen if issubclass(one.category, self._expected))
        if error[0] is None and not any(re.search(self._match or "", str(one.message)) for one in fits):
            raise Failed("DID NOT WARN")


def _raises(expected: Any, *call: Any, match: Any = None, check: Any = None, **named: Any) -> Any:
    block = _Raises(expected, match, check)
    if not call:
        return block
    with block as info:
        call[0](*call[1:], **named)
    return info


def _fixture(function: Any = None, *, autouse: bool = False, scope: str = "function", params: Any = None,
             name: Any = None, ids: Any = None) -> Any:  # noqa: ARG001 - pytest's name  # fmt: skip
    def make(one: Callable[..., Any]) -> Fixture:
        return Fixture(one, autouse=autouse, scope=scope, params=params, name=name)

    return make(function) if function is not None else make


def _fail(reason: str = "", pytrace: bool = True) -> None:  # noqa: ARG001 - pytest's name
    raise Failed(reason)


def _skip(reason: str = "", allow_module_level: bool = False) -> None:  # noqa: ARG001 - pytest's name
    raise Skipped(reason)


def _importorskip(name: str, *_: Any, **__: Any) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Skipped(name) from None


def module() -> types.ModuleType:
    """The module `pytest`."""
    made = types.ModuleType("pytest")
    vars(made).update(
        raises=_raises, approx=Approximate, fixture=_fixture, mark=_Marks(), fail=_fail, skip=_skip, xfail=_fail,
        param=lambda *values, marks=(), id=None: Parameters(values, marks),  # noqa: ARG005 - pytest's names
        warns=_Warns, importorskip=_importorskip, main=lambda *_: 0, ExceptionInfo=ExceptionInfo,
        deprecated_call=lambda: _Warns((DeprecationWarning, PendingDeprecationWarning)),
    )  # fmt: skip
    return made
