"""Slots: the interchangeable parts of tasks. A slot is a predicate or map on integers, in English, Rust and Python.

Rust and Python must agree on every input: remainders are compared with 0 only (the sign differs elsewhere), constants
are small enough that no i64 overflows, and multipliers are at least 2 so that no lint finds an identity operation.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from rustml.banks.families.meaning import Meaning

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

    def of(self, value: str) -> Meaning:
        """The map's result for `value`."""
        return Meaning(self.say(value), self.rs(value), self.py(value))

    def holds(self, value: str) -> Meaning:
        """That the predicate holds for `value`."""
        return Meaning(f"{value} is {self.english}", self.rs(value), self.py(value))

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


def _remainder(kind: str, english: str, operator: str) -> Draw:
    def draw(rng: Random, _low: int, _high: int) -> Slot:
        k = rng.randint(3, 12)
        code = f"$ % {k} {operator} 0"
        return Slot(kind, (k,), f"{english} {k}", code, code, (k, k + 1, 2 * k, k - 1, -k))

    return draw


def _parity(kind: str, operator: str, edges: tuple[int, ...]) -> Draw:
    code = f"$ % 2 {operator} 0"
    return lambda _rng, _low, _high: Slot(kind, (), kind, code, code, edges)


_divisible, _indivisible = _remainder("div", "divisible by", "=="), _remainder("ndiv", "not divisible by", "!=")
_even, _odd = _parity("even", "==", (4, 3, 6, -1, -2)), _parity("odd", "!=", (3, 4, 6, -1, -2))


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
    return rng.choice(_DIVISIONS)(rng, LOW, HIGH)


def two_predicates(rng: Random) -> tuple[Slot, Slot, tuple[int, ...]]:
    """One predicate on order and one on the remainder, in either order: neither implies the other.

    The third value has the integers around the threshold, which cover all combinations of the two.
    """
    order, rest = threshold(rng), division(rng)
    around = tuple(range(order.edges[0] - 13, order.edges[0] + 14))
    return (order, rest, around) if rng.random() < 0.5 else (rest, order, around)


def both_hold(p: Slot, q: Slot, value: str) -> Meaning:
    """That two predicates hold for `value`."""
    return Meaning(
        f"{value} is {p.english} and {q.english}",
        f"{p.rs(value)} && {q.rs(value)}",
        f"{p.py(value)} and {q.py(value)}",
    )


def first_that_is(rest: Slot, start: int) -> int:
    """The first integer from `start` on for which a predicate on the remainder holds."""
    divisor = int(str(rest.constants[0])) if rest.constants else 2
    divides = rest.kind in ("div", "even")
    return next(x for x in range(start, start + divisor + 1) if (x % divisor == 0) == divides)


Map = Callable[[Random], Slot]


def _with_constant(kind: str, english: str, code: str, least: int, most: int, edges: tuple[int, ...]) -> Map:
    """A map whose code is one text in both languages; in the texts `#` stands for the constant."""

    def draw(rng: Random) -> Slot:
        k = rng.randint(least, most)
        text = code.replace("#", str(k))
        return Slot(kind, (k,), english.replace("#", str(k)), text, text, edges)

    return draw


def _without_constant(kind: str, english: str, rust: str, python: str) -> Map:
    return lambda _: Slot(kind, (), english, rust, python, (3, 5, -4))


def _bound(kind: str, adjective: str, function: str) -> Map:
    """The larger or the smaller of the value and a constant."""

    def draw(rng: Random) -> Slot:
        k = rng.randint(-20, 40)
        rust, python = f"$.{function}({k})", f"{function}($, {k})"
        return Slot(kind, (k,), f"the {adjective} of $ and {k}", rust, python, (k, k + 1, k - 1))

    return draw


_plus = _with_constant("plus", "$ plus #", "$ + #", 1, 60, (0, 5, -4))
_minus = _with_constant("minus", "$ minus #", "$ - #", 1, 60, (0, 5, -4))
_from = _with_constant("from", "# minus $", "# - $", 1, 60, (0, 5, -4))
_times = _with_constant("times", "$ times #", "$ * #", 2, 30, (1, 5, -4))
_square = _without_constant("square", "the square of $", "$ * $", "$ * $")
_negate = _without_constant("negate", "the negative of $", "-$", "-$")
_abs = _without_constant("abs", "the absolute value of $", "$.abs()", "abs($)")
_at_least = _bound("floor", "larger", "max")
_at_most = _bound("cap", "smaller", "min")
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
