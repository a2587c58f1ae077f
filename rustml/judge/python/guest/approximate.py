"""`pytest.approx`, which decides about data alone: nothing that an object of the candidate's says counts.

This file runs inside the sandbox and imports nothing of rustml.
"""

import cmath
from collections.abc import Callable
from typing import Any

from operations import plain  # type: ignore[import-not-found]

_NUMBERS: tuple[type, ...] = (int, float, complex)


class Approximate:
    """Equal to what is near `expected`: a number, or a sequence or dictionary of numbers."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, expected: Any, rel: Any = None, abs: Any = None, nan_ok: bool = False) -> None:
        self.expected, self._rel, self._abs, self._nan_ok = expected, rel, abs, nan_ok

    def __eq__(self, actual: Any) -> bool:
        return self._near(plain(actual), self.expected)

    def __repr__(self) -> str:
        return f"approx({self.expected!r})"

    def _near(self, actual: Any, expected: Any) -> bool:
        if isinstance(expected, dict):
            return type(actual) is dict and self._all(actual, expected, expected.keys())
        if isinstance(expected, (list, tuple)):
            return isinstance(actual, (list, tuple)) and self._all(actual, expected, range(len(expected)))
        if not _is_number(expected):
            return bool(actual == expected)
        return _is_number(actual) and self._close(actual, expected)

    def _all(self, actual: Any, expected: Any, keys: Any) -> bool:
        try:
            return len(actual) == len(expected) and all(self._near(plain(actual[k]), expected[k]) for k in keys)
        except KeyError:
            return False

    def _close(self, actual: Any, expected: Any) -> bool:
        if actual == expected:
            return True
        if not (cmath.isfinite(actual) and cmath.isfinite(expected)):
            return bool(self._nan_ok and cmath.isnan(actual) and cmath.isnan(expected))
        return bool(abs(actual - expected) <= self._tolerance(expected))

    def _tolerance(self, expected: Any) -> Any:
        kind: Callable[[Any], Any] = type(expected) if not isinstance(expected, (*_NUMBERS, bool)) else float
        absolute = kind(1e-12 if self._abs is None else self._abs)
        if self._rel is None and self._abs is not None:
            return absolute
        return max(absolute, kind(1e-6 if self._rel is None else self._rel) * abs(expected))


def _is_number(value: Any) -> bool:
    kind = type(value)
    return kind in _NUMBERS or f"{kind.__module__}.{kind.__name__}" in ("decimal.Decimal", "fractions.Fraction")
