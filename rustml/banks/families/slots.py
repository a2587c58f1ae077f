"""Slots: the interchangeable parts of tasks. A slot is a predicate or map on integers, in English, Rust and Python.

Rust and Python must agree on every input: remainders are compared with 0 only (the sign differs elsewhere), constants
are small enough that no i64 overflows, and multipliers are at least 2 so that no lint finds an identity operation.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

INTS = ("x", "n", "a", "v", "t", "num")
LISTS = ("xs", "values", "nums", "items", "data")


class Slot(NamedTuple):
    """A part of a task. In the templates `$` stands for the value it is applied to."""

    kind: str
    constants: tuple[object, ...]
    english: str
    rust: str
    python: str
    edges: tuple[int, ...]
    """Integers on both sides of each boundary."""

    def say(self, value: str) -> str:
        """The English phrase about `value`."""
        return self.english.replace("$", value)

    def rs(self, value: str) -> str:
        """The Rust expression on `value`."""
        return self.rust.replace("$", value)

    def py(self, value: str) -> str:
        """The Python expression on `value`."""
        return self.python.replace("$", value)

    def rs_term(self, value: str) -> str:
        """The Rust expression as an operand: in parentheses when it is a binary operation."""
        return f"({self.rs(value)})" if " " in self.rust else self.rs(value)

    def py_term(self, value: str) -> str:
        """The Python expression as an operand."""
        return f"({self.py(value)})" if " " in self.rust else self.py(value)


LOW, HIGH = -20, 60
"""Constants of comparisons lie between these, unless a family gives other bounds."""
Draw = Callable[[Random, int, int], Slot]


def _compare(kind: str, english: str, operator: str) -> Draw:
    def draw(rng: Random, low: int, high: int) -> Slot:
        k = rng.randint(low, high)
        code = f"$ {operator} {k}"
        return Slot(kind, (k,), f"{english} {k}", code, code, (k, k + 1, k - 1))

    return draw


def _divisible(rng: Random, _low: int = 0, _high: int = 0) -> Slot:
    k = rng.randint(3, 12)
    return Slot("div", (k,), f"divisible by {k}", f"$ % {k} == 0", f"$ % {k} == 0", (k, k + 1, 2 * k, k - 1, -k))


def _indivisible(rng: Random, _low: int = 0, _high: int = 0) -> Slot:
    k = rng.randint(3, 12)
    return Slot("ndiv", (k,), f"not divisible by {k}", f"$ % {k} != 0", f"$ % {k} != 0", (k, k + 1, 2 * k, k - 1, -k))


def _even(_: Random, _low: int = 0, _high: int = 0) -> Slot:
    return Slot("even", (), "even", "$ % 2 == 0", "$ % 2 == 0", (4, 3, 6, -1, -2))


def _odd(_: Random, _low: int = 0, _high: int = 0) -> Slot:
    return Slot("odd", (), "odd", "$ % 2 != 0", "$ % 2 != 0", (3, 4, 6, -1, -2))


def _between(rng: Random, least: int, most: int) -> Slot:
    low = rng.randint(least, most)
    high = low + rng.randint(2, 25)
    edges = (low, high, low - 1, high + 1, low + 1)
    return Slot(
        "between",
        (low, high),
        f"between {low} and {high}",
        f"({low}..={high}).contains(&$)",
        f"{low} <= $ <= {high}",
        edges,
    )


_PREDICATES = (
    _compare("gt", "greater than", ">"),
    _compare("lt", "less than", "<"),
    _compare("ge", "at least", ">="),
    _compare("le", "at most", "<="),
    _compare("eq", "equal to", "=="),
    _compare("ne", "not equal to", "!="),
    _divisible,
    _indivisible,
    _even,
    _odd,
    _between,
)
_THRESHOLDS = _PREDICATES[:4]
_DIVISIONS = (_divisible, _indivisible, _even, _odd)


def predicate(rng: Random, low: int = LOW, high: int = HIGH) -> Slot:
    """Any predicate on one integer; constants of comparisons lie between `low` and `high`."""
    return rng.choice(_PREDICATES)(rng, low, high)


def threshold(rng: Random) -> Slot:
    """A predicate that compares with a constant by order."""
    return rng.choice(_THRESHOLDS)(rng, LOW, HIGH)


def division(rng: Random) -> Slot:
    """A predicate on the remainder."""
    return rng.choice(_DIVISIONS)(rng)


def two_predicates(rng: Random) -> tuple[Slot, Slot, tuple[int, ...]]:
    """One predicate on order and one on the remainder, in either order: neither implies the other.

    The third value has the integers around the threshold, which cover all combinations of the two.
    """
    order, rest = threshold(rng), division(rng)
    around = tuple(range(order.edges[0] - 13, order.edges[0] + 14))
    return (order, rest, around) if rng.random() < 0.5 else (rest, order, around)


def first_that_is(rest: Slot, start: int) -> int:
    """The first integer from `start` on for which a predicate on the remainder holds."""
    divisor = int(str(rest.constants[0])) if rest.constants else 2
    divides = rest.kind in ("div", "even")
    return next(x for x in range(start, start + divisor + 1) if (x % divisor == 0) == divides)


def _plus(rng: Random) -> Slot:
    k = rng.randint(1, 60)
    return Slot("plus", (k,), f"$ plus {k}", f"$ + {k}", f"$ + {k}", (0, 5, -4))


def _minus(rng: Random) -> Slot:
    k = rng.randint(1, 60)
    return Slot("minus", (k,), f"$ minus {k}", f"$ - {k}", f"$ - {k}", (0, 5, -4))


def _from(rng: Random) -> Slot:
    k = rng.randint(1, 60)
    return Slot("from", (k,), f"{k} minus $", f"{k} - $", f"{k} - $", (0, 5, -4))


def _times(rng: Random) -> Slot:
    k = rng.randint(2, 30)
    return Slot("times", (k,), f"$ times {k}", f"$ * {k}", f"$ * {k}", (1, 5, -4))


def _square(_: Random) -> Slot:
    return Slot("square", (), "the square of $", "$ * $", "$ * $", (3, 5, -4))


def _negate(_: Random) -> Slot:
    return Slot("negate", (), "the negative of $", "-$", "-$", (3, 5, -4))


def _abs(_: Random) -> Slot:
    return Slot("abs", (), "the absolute value of $", "$.abs()", "abs($)", (3, 5, -4))


def _at_least(rng: Random) -> Slot:
    k = rng.randint(-20, 40)
    return Slot("floor", (k,), f"the larger of $ and {k}", f"$.max({k})", f"max($, {k})", (k, k + 1, k - 1))


def _at_most(rng: Random) -> Slot:
    k = rng.randint(-20, 40)
    return Slot("cap", (k,), f"the smaller of $ and {k}", f"$.min({k})", f"min($, {k})", (k, k + 1, k - 1))


_MAPS = (_plus, _plus, _minus, _minus, _from, _times, _times, _square, _negate, _abs, _at_least, _at_most)


def mapping(rng: Random) -> Slot:
    """Any map from one integer to another."""
    return rng.choice(_MAPS)(rng)


def constant_mapping(rng: Random) -> Slot:
    """A map that holds a constant."""
    return rng.choice(_MAPS[:7])(rng)


def two_mappings(rng: Random) -> tuple[Slot, Slot]:
    """Two maps of different kinds."""
    first = second = mapping(rng)
    while second.kind == first.kind:
        second = mapping(rng)
    return first, second


def inverse(slot: Slot, value: int) -> int:
    """An integer that the map takes to `value`, or near it when the map is not reversible."""
    k = int(str(slot.constants[0])) if slot.constants else 0
    back = {"plus": value - k, "minus": value + k, "from": k - value, "negate": -value, "times": value // max(k, 1)}
    return back.get(slot.kind, value)
