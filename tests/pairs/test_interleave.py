"""Interleaving loses nothing and keeps each stream's order; ratios are those asked for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.pairs.interleave import Mode, achieved, interleave, wanted

STREAMS = st.lists(st.lists(st.integers(), max_size=12), max_size=4)
MODES = st.sampled_from(["sequential", "round_robin", "weighted"])


@given(streams=STREAMS, mode=MODES, seed=st.integers(0, 9))
def test_every_item_once_each_stream_in_order(streams: list[list[int]], mode: Mode, seed: int) -> None:
    tagged = [[(number, item) for item in stream] for number, stream in enumerate(streams)]
    mixed = list(interleave([iter(stream) for stream in tagged], mode, [1.0] * len(streams), seed))
    assert [[item for item in mixed if item[0] == number] for number in range(len(streams))] == tagged


def test_the_three_orders() -> None:
    def streams() -> list[object]:
        return [iter("aaaa"), iter("bb")]

    assert "".join(interleave(streams(), "sequential")) == "aaaabb"  # type: ignore[arg-type]
    assert "".join(interleave(streams(), "round_robin")) == "ababaa"  # type: ignore[arg-type]


def test_weights_are_followed_and_seeded() -> None:
    def draw(seed: int) -> list[str]:
        streams = [iter("a" * 3000), iter("b" * 3000)]
        mixed = interleave(streams, "weighted", [0.3, 0.7], seed)
        return [next(mixed) for _ in range(2000)]

    assert draw(1) == draw(1)
    assert draw(1) != draw(2)
    assert Counter(draw(1))["a"] / 2000 == pytest.approx(0.3, abs=0.04)


def test_the_reference_mix() -> None:
    asked = wanted(14_080, 2.0, {"code": 0.4, "general": 0.4, "raw": 0.2})
    assert asked == {"code": 11_264, "general": 11_264, "raw": 5_632}
    ratios = achieved(14_080, asked)
    assert ratios["anchors_per_pair"] == 2.0
    assert ratios["share.raw"] == pytest.approx(0.2)
    assert achieved(0, {})["anchors_per_pair"] == 0.0
    assert wanted(10, 2.0, {"a": 0.0}) == {"a": 0}
