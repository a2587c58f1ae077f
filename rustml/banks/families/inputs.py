"""Test inputs: boundary values first, then values on which a wrong answer differs from a right one."""

from collections.abc import Iterable
from random import Random


def unique(values: Iterable[int]) -> list[int]:
    """The values in order, without repeats."""
    return list(dict.fromkeys(values))


def ints(rng: Random, edges: Iterable[int]) -> list[int]:
    """Single integers: the edges, 0, a negative and a large one."""
    return unique((*edges, 0, 1, rng.randint(-90, -21), rng.randint(61, 150)))


def pairs(rng: Random, left: Iterable[int], right: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Every left edge against every right edge (four of each), and one far pair."""
    crossed = [(a, b) for a in unique(left)[:4] for b in unique(right)[:4]]
    return (*crossed, (rng.randint(-90, -21), rng.randint(61, 150)))


def lists(rng: Random, edges: tuple[int, ...]) -> list[list[int]]:
    """Lists: empty, each edge alone, all edges in two orders among other numbers, with duplicates."""
    some = unique(edges)
    others = [rng.randint(-30, 80) for _ in range(3)]
    mixed = [*some, *others]
    rng.shuffle(mixed)
    many = [*others, some[0], some[0], *some[::-1]]
    return [[], mixed, many, *[[edge] for edge in some[:4]]]
