"""Searched band by band, and merged: the same survivors as one index over everything, whatever the bands are given."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.similarity.bands import Pairs, alike, repeated, signature_rows
from rustml.similarity.minhash import bands, survivors

PERMUTATIONS = 32


def signatures(seed: int, count: int, edits: int) -> np.typing.NDArray[np.uint32]:
    """Signatures of which many are copies of others, in up to `edits` places changed."""
    draw = random.Random(seed)
    base = [[draw.randrange(1 << 32) for _ in range(PERMUTATIONS)] for _ in range(max(count // 6, 1))]
    rows = []
    for _ in range(count):
        row = list(draw.choice(base))
        for _ in range(draw.randint(0, edits)):
            row[draw.randrange(PERMUTATIONS)] = draw.randrange(1 << 32)
        rows.append(row)
    return np.array(rows, dtype=np.uint32).reshape(-1, PERMUTATIONS)


def found(values: np.typing.NDArray[np.uint32], threshold: float, cuts: list[int]) -> list[Pairs]:
    """The pairs of each band, the signatures in stretches as shards hold them."""
    count, rows = bands(PERMUTATIONS, threshold)
    whole = signature_rows(np.split(values, sorted(cut % (len(values) + 1) for cut in cuts)))
    numbers = np.arange(len(values))
    return [alike(values[:, at * rows : (at + 1) * rows], numbers, whole, threshold) for at in range(count)]


@given(
    seed=st.integers(0, 10_000), count=st.integers(0, 60), edits=st.integers(0, 12),
    threshold=st.sampled_from([0.5, 0.7, 0.85, 0.95]), cuts=st.lists(st.integers(0, 100), max_size=3),
)  # fmt: skip
def test_the_survivors_are_those_of_datasketchs_index(
    seed: int, count: int, edits: int, threshold: float, cuts: list[int]
) -> None:
    values = signatures(seed, count, edits)
    dropped = repeated(found(values, threshold, cuts))
    kept = [number not in dropped for number in range(count)]
    assert kept == survivors(list(values), PERMUTATIONS, threshold)
    assert all(kept[earlier] and earlier < later for later, earlier in dropped.items())


@given(seed=st.integers(0, 10_000), order=st.randoms(use_true_random=False))
def test_the_order_in_which_bands_are_merged_does_not_matter(seed: int, order: random.Random) -> None:
    pairs = found(signatures(seed, 40, 6), 0.7, [])
    shuffled = list(pairs)
    order.shuffle(shuffled)
    assert repeated(shuffled) == repeated(pairs)


def test_a_text_falls_to_the_most_alike_that_stays_and_to_the_earliest_among_equals() -> None:
    triples = [(0, 1, 30), (1, 2, 32), (0, 3, 28), (4, 5, 28), (0, 5, 30), (4, 6, 29), (0, 6, 29)]
    assert repeated([np.array(triples)]) == {1: 0, 3: 0, 5: 0, 6: 0}
    assert repeated([]) == {}


def test_texts_that_are_left_out_find_nothing() -> None:
    values = np.tile(signatures(1, 1, 0), (3, 1))
    pairs = alike(values[[0, 2], :4], np.array([0, 2]), signature_rows([values]), 0.85)
    assert pairs.tolist() == [[0, 2, PERMUTATIONS]]


@pytest.mark.parametrize("empty", [0, 1])
def test_nothing_and_a_single_text_repeat_nothing(empty: int) -> None:
    assert repeated(found(signatures(1, empty, 0), 0.85, [])) == {}
