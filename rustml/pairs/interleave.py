"""Merge several streams of records into one, in a declared order."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeVar

T = TypeVar("T")
Mode = Literal["sequential", "round_robin", "weighted"]


def interleave(
    streams: Sequence[Iterator[T]], mode: Mode, weights: Sequence[float] | None = None, seed: int = 0
) -> Iterator[T]:
    """Yield every item of every stream, each stream in its own order.

    `sequential` takes stream after stream, `round_robin` one of each in turn, `weighted` draws the next stream with
    the given weights among those that are not exhausted.
    """
    if mode == "sequential":
        for stream in streams:
            yield from stream
    elif mode == "round_robin":
        yield from _in_turn(streams)
    else:
        yield from _weighted(streams, list(weights or [1.0] * len(streams)), seed)


def _in_turn(streams: Sequence[Iterator[T]]) -> Iterator[T]:
    left = list(streams)
    while left:
        for stream in list(left):
            try:
                yield next(stream)
            except StopIteration:
                left.remove(stream)


def _weighted(streams: Sequence[Iterator[T]], weights: list[float], seed: int) -> Iterator[T]:
    draw = random.Random(seed)
    left = list(zip(streams, weights, strict=True))
    while left:
        total = sum(weight for _, weight in left)
        number = draw.choices(range(len(left)), [weight for _, weight in left])[0] if total > 0 else 0
        try:
            yield next(left[number][0])
        except StopIteration:
            del left[number]


def wanted(pairs: int, anchors_per_pair: float, shares: Mapping[str, float]) -> dict[str, int]:
    """The number of anchors of each pool for a number of domain pairs; shares need not sum to one."""
    total = sum(shares.values())
    if total <= 0:
        return dict.fromkeys(shares, 0)
    return {name: round(pairs * anchors_per_pair * share / total) for name, share in shares.items()}


def achieved(pairs: int, pools: Mapping[str, int]) -> dict[str, float]:
    """The reached mix: anchors per pair, and the share of each pool among the anchors."""
    anchors = sum(pools.values())
    ratios = {"anchors_per_pair": anchors / pairs if pairs else 0.0}
    return ratios | {f"share.{name}": count / anchors if anchors else 0.0 for name, count in pools.items()}
