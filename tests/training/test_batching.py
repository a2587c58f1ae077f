"""Batches that lose and repeat nothing, of similar lengths, in an order that the seed decides."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import InputError
from rustml.training.batching import (
    POOLED_BATCHES,
    Row,
    cut_by_tokens,
    fixed_batches_per_epoch,
    length_groups,
    ordered_rows,
    token_batches,
    token_batches_per_epoch,
)

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def rows_of(lengths: list[int]) -> list[Row]:
    """Rows that can be told apart by their first label."""
    return [([number + 1] * length, [number + 1] * length) for number, length in enumerate(lengths)]


@given(LENGTHS, st.integers(1, 100), st.integers(0, 5), st.integers(1, 70))
def test_groups_hold_every_row_once_and_no_group_is_too_large(
    lengths: list[int], tokens: int, seed: int, pool: int
) -> None:
    rows = rows_of(lengths)
    groups = length_groups(rows, random.Random(seed), lambda order: cut_by_tokens(order, rows, tokens), pool)
    assert sorted(itertools.chain.from_iterable(groups)) == list(range(len(rows)))
    for group in groups:
        assert group
        assert len(group) == 1 or len(group) * max(lengths[index] for index in group) <= tokens


@given(LENGTHS, st.integers(1, 100), st.integers(0, 5))
def test_an_epoch_of_token_batches_shows_every_row_once(lengths: list[int], tokens: int, seed: int) -> None:
    rows = rows_of(lengths)
    epoch = itertools.islice(token_batches(rows, tokens, seed), token_batches_per_epoch(rows, tokens, seed))
    assert sorted(ids[0] for batch in epoch for ids, _ in batch) == list(range(1, len(rows) + 1))


def test_token_batches_are_a_function_of_the_seed_and_differ_between_epochs() -> None:
    rows = rows_of([5] * 40)

    def order(seed: int) -> list[int]:
        return [batch[0][0][0] for batch in itertools.islice(token_batches(rows, 5, seed), 80)]

    assert order(1) == order(1)
    assert order(1) != order(2)
    assert order(1)[:40] != order(1)[40:]


def test_no_rows_are_an_error_and_no_endless_loop() -> None:
    with pytest.raises(InputError, match=r"base\.architecture\.context"):
        next(token_batches([], 100, 0))


@given(st.lists(st.integers(1, 30), min_size=4, max_size=80), st.integers(1, 4), st.integers(1, 30), st.integers(0, 3))
def test_fixed_batches_are_full_and_no_row_comes_twice_in_an_epoch(
    lengths: list[int], size: int, steps: int, seed: int
) -> None:
    rows = [([number] * length, [number] * length) for number, length in enumerate(lengths)]
    ordered = ordered_rows(rows, size, steps, seed)
    assert len(ordered) == steps * size
    assert ordered == ordered_rows(rows, size, steps, seed)
    pool = POOLED_BATCHES * size
    epoch = sum(len(lengths[start : start + pool]) // size * size for start in range(0, len(lengths), pool))
    assert fixed_batches_per_epoch(rows, size) * size == epoch
    for start in range(0, len(ordered), epoch):
        seen = [ids[0] for ids, _ in ordered[start : start + epoch]]
        assert len(seen) == len(set(seen))


def test_rows_in_a_fixed_batch_are_of_similar_length() -> None:
    rows = [([1] * length, [1] * length) for length in range(1, 401)]
    lengths = [len(ids) for ids, _ in ordered_rows(rows, 16, 20, seed=1)]
    spread = [max(lengths[i : i + 16]) - min(lengths[i : i + 16]) for i in range(0, len(lengths), 16)]
    assert sum(spread) / len(spread) < 200, "half of the range per batch, where chance takes nearly all of it"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_records_are_an_error_and_no_endless_loop(count: int) -> None:
    with pytest.raises(InputError, match="do not fill a batch of 4"):
        ordered_rows([([1], [1])] * count, 4, 3, 1)
