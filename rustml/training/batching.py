"""Order tokenised rows into batches of similar lengths, each row once per epoch."""

import itertools
import random
from collections.abc import Callable, Iterator, Sequence

from rustml.errors import InputError

Row = tuple[list[int], list[int]]
"""`input_ids` and `labels` of one sequence."""
IGNORED = -100
"""The label of a position that carries no loss."""
POOL = 256
"""Rows that are sorted by length together."""
POOLED_BATCHES = 10
"""Batches of fixed size whose rows are sorted by length together."""

Cut = Callable[[Sequence[int]], list[list[int]]]
"""Cuts row indices in order of rising length into groups."""


def length_groups(rows: Sequence[Row], rng: random.Random, cut: Cut, pool: int = POOL) -> list[list[int]]:
    """Indices of all rows in groups of similar length, as `cut` cuts orders by rising length; groups in random order.

    Rows are sorted by length among `pool` random ones only: sorting all of them saves a little more padding, but puts
    whole families of tasks into one batch, and the gradient of such a batch says little about the others.
    """
    order = list(range(len(rows)))
    rng.shuffle(order)
    groups: list[list[int]] = []
    for start in range(0, len(order), pool):
        groups += cut(sorted(order[start : start + pool], key=lambda i: len(rows[i][0])))
    rng.shuffle(groups)
    return groups


def token_batches(rows: Sequence[Row], tokens: int, seed: int) -> Iterator[list[Row]]:
    """Endless batches of at most `tokens` tokens once padded (or of one longer row), in a new order every epoch.

    Raises InputError when there are no rows.
    """
    if not rows:
        raise InputError("base: every record is longer than base.architecture.context; raise it or shorten the records")
    rng = random.Random(seed)
    while True:
        for group in length_groups(rows, rng, lambda order: cut_by_tokens(order, rows, tokens)):
            yield [rows[index] for index in group]


def token_batches_per_epoch(rows: Sequence[Row], tokens: int, seed: int) -> int:
    """Batches in the first epoch of `token_batches`; later epochs differ by few, since their order does."""
    return len(length_groups(rows, random.Random(seed), lambda order: cut_by_tokens(order, rows, tokens)))


def cut_by_tokens(order: Sequence[int], rows: Sequence[Row], tokens: int) -> list[list[int]]:
    """Cut an order by rising length into groups whose padded size is at most `tokens`."""
    groups: list[list[int]] = [[]]
    for index in order:
        if groups[-1] and (len(groups[-1]) + 1) * len(rows[index][0]) > tokens:
            groups.append([])
        groups[-1].append(index)
    return groups


def fixed_batches(rows: Sequence[Row], size: int, seed: int) -> Iterator[list[Row]]:
    """Endless batches of `size` rows of similar lengths, in a new order every epoch; what fills no batch is left out.

    transformers' own `group_by_length` sorts fifty batches at a time from long to short, and the loss saws with it.
    Raises InputError when the rows do not fill a batch.
    """
    if len(rows) < size:
        raise InputError(f"sft: {len(rows)} records within sft.context do not fill a batch of {size}; lower batch_size")

    def cut(order: Sequence[int]) -> list[list[int]]:
        return [list(order[start : start + size]) for start in range(0, len(order) - size + 1, size)]

    rng = random.Random(seed)
    while True:
        for group in length_groups(rows, rng, cut, POOLED_BATCHES * size):
            yield [rows[index] for index in group]


def fixed_batches_per_epoch(rows: Sequence[Row], size: int) -> int:
    """Batches in each epoch of `fixed_batches`."""
    pool = POOLED_BATCHES * size
    return sum(min(pool, len(rows) - start) // size for start in range(0, len(rows), pool))


def ordered_rows(rows: Sequence[Row], size: int, steps: int, seed: int) -> list[Row]:
    """The rows of the first `steps` batches of `fixed_batches`, in the order in which they are trained on."""
    return list(itertools.chain.from_iterable(itertools.islice(fixed_batches(rows, size, seed), steps)))
