"""Calls the tests that are functions or methods: bare ones, those of unittest, and those that pytest fills.

This file runs inside the sandbox and imports nothing of rustml.
"""

import importlib
import inspect
import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import builtin_fixtures  # type: ignore[import-not-found]
import pytest_names  # type: ignore[import-not-found]
from outcomes import Failed, Skipped  # type: ignore[import-not-found]


def run(names: dict[str, Any], owner: str, function: str) -> None:
    """Call the test `function`, of the class `owner` where there is one. Raises what it raises."""
    kind = names[owner] if owner else None
    if kind is not None and "unittest" in sys.modules and issubclass(kind, sys.modules["unittest"].TestCase):
        _run_case(kind, function)
        return
    test = inspect.getattr_static(kind, function) if kind else names[function]
    test = test.__func__ if isinstance(test, (staticmethod, classmethod)) else test
    marks = [*_marks(kind), *_marks(test)]
    if any(mark.name == "skip" or (mark.name == "skipif" and any(mark.args)) for mark in marks):
        return
    for values in _parameters(marks):
        for extra in _params_of_fixtures(_fixtures(names, kind), test, values):
            with ExitStack() as stack:
                _Call(names, kind, stack, values, extra).run(function)


def _run_case(kind: Any, name: str) -> None:
    unittest = importlib.import_module("unittest")
    result = unittest.TestResult()
    unittest.TestSuite([kind(name)]).run(result)
    if not result.wasSuccessful() or not (result.testsRun or result.skipped):
        raise Failed(name)


def _marks(value: Any) -> list[Any]:
    held = getattr(value, "pytestmark", [])
    return list(held) if isinstance(held, (list, tuple)) else [held]


def _parameters(marks: list[Any]) -> Iterator[dict[str, Any]]:
    """Each set of arguments that the marks ask for."""
    sets = []
    for mark in marks:
        if mark.name == "parametrize":
            sets.append(_rows(*mark.args, **mark.kwargs))
    for combination in itertools.product(*sets):
        yield {name: value for row in combination for name, value in row.items()}


def _rows(argnames: Any, argvalues: Any, **_: Any) -> list[dict[str, Any]]:
    single = isinstance(argnames, str)
    words = [word.strip() for word in argnames.split(",") if word.strip()] if single else argnames
    rows = [_row(words, values, single) for values in argvalues]
    return [row for row in rows if row is not None]


def _row(words: Any, values: Any, single: bool) -> dict[str, Any] | None:
    if isinstance(values, pytest_names.Parameters):
        if any(mark.name in ("skip", "xfail") for mark in values.marks):
            return None
        return dict(zip(words, values.values, strict=True))
    return dict(zip(words, [values] if single and len(words) == 1 else values, strict=True))


def _fixtures(names: dict[str, Any], kind: Any) -> dict[str, Any]:
    own = {name: inspect.getattr_static(kind, name) for name in dir(kind)} if kind else {}
    found = {**names, **own}
    return {one.name: one for one in found.values() if isinstance(one, pytest_names.Fixture)}


def _params_of_fixtures(fixtures: dict[str, Any], test: Any, values: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A value of `request.param` for each fixture with parameters that the test needs."""
    needed, waiting = set(), [*_wanted(test), *(name for name, one in fixtures.items() if one.autouse)]
    while waiting:
        name = waiting.pop()
        if name in fixtures and name not in needed and name not in values:
            needed.add(name)
            waiting += _wanted(fixtures[name].function)
    many = sorted(name for name in needed if fixtures[name].params is not None)
    for chosen in itertools.product(*(fixtures[name].params for name in many)):
        yield dict(zip(many, chosen, strict=True))


def _wanted(function: Any) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [one.name for one in parameters if one.default is one.empty and "VAR" not in one.kind.name]


class _Call:
    """One call of a test, with the fixtures that were made for it."""

    def __init__(self, names: dict[str, Any], kind: Any, stack: ExitStack, made: Any, extra: dict[str, Any]) -> None:
        self._names, self._stack, self._made, self._extra = names, stack, dict(made), extra
        self._instance = kind() if kind is not None else None
        self._fixtures = _fixtures(names, kind)

    def run(self, name: str) -> None:
        """Prepare, call, and clean up."""
        for fixture in [one for one in self._fixtures.values() if one.autouse]:
            self._value(fixture.name)
        target = self._names[name] if self._instance is None else getattr(self._instance, name)
        self._stack.enter_context(_around(self._instance))
        with suppress(Skipped):
            _finished(target(**self._given(target)))

    def _given(self, function: Any) -> dict[str, Any]:
        return {name: self._value(name) for name in _wanted(function) if name != "self"}

    def _value(self, name: str) -> Any:
        if name not in self._made:
            fixture = self._fixtures.get(name)
            param = self._extra.get(name)
            self._made[name] = self._of(fixture, param) if fixture else self._builtin(name)
        return self._made[name]

    def _of(self, fixture: Any, param: Any) -> Any:
        given = {name: self._value(name) for name in _wanted(fixture.function) if name not in ("self", "request")}
        function = fixture.function
        if "request" in _wanted(function):
            given["request"] = builtin_fixtures.Request(param, self._instance, self._value, self._stack.callback)
        if "self" in _wanted(function):
            given["self"] = self._instance
        made = function(**given)
        return self._stack.enter_context(_stepped(made)) if inspect.isgenerator(made) else _finished(made)

    def _builtin(self, name: str) -> Any:
        if name not in builtin_fixtures.FIXTURES:
            raise Failed(f"no fixture {name}")
        return self._stack.enter_context(builtin_fixtures.FIXTURES[name]())


@contextmanager
def _around(instance: Any) -> Iterator[None]:
    for name in ("setup_method", "setup_class"):
        if hasattr(instance, name):
            _called(getattr(instance, name))
    yield
    if hasattr(instance, "teardown_method"):
        _called(instance.teardown_method)


def _called(method: Any) -> None:
    method(*[None for _ in _wanted(method)])


@contextmanager
def _stepped(generator: Any) -> Iterator[Any]:
    try:
        yield next(generator)
    finally:
        next(generator, None)


def _finished(value: Any) -> Any:
    """The result of a coroutine, which is run to its end; anything else as it is."""
    return importlib.import_module("asyncio").run(value) if inspect.iscoroutine(value) else value
