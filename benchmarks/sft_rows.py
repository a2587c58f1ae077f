"""Records of random tokens for the benchmark of fine-tuning, and how well each layout fills its positions."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from rustml.records import Pair, read_jsonl

LAYOUTS = ("packed", "padded", "as drawn")
ROWS, SHORTEST, SIGMA = 400, 8, 0.8
CHARACTERS = 3
"""Of Rust, per token of a large vocabulary."""
Row = tuple[list[int], list[int]]


def draw_rows(vocabulary: int, context: int, pairs: Path | None = None, seed: int = 17) -> list[Row]:
    """Records of random tokens, whose prompts, a third of drawn lengths, carry no loss; longer ones than `context` are
    cut where they are drawn and left out where they come from a file."""
    rng = random.Random(seed)
    lengths = list(_drawn_lengths(rng, context)) if pairs is None else list(_lengths_of(pairs, rng, context))
    ids = ([rng.randrange(vocabulary) for _ in range(length)] for _, length in lengths)
    return [(row, [-100] * first + row[first:]) for row, (first, _) in zip(ids, lengths, strict=True)]


def _drawn_lengths(rng: random.Random, context: int) -> Iterator[tuple[int, int]]:
    """Tokens of prompt and of all, by record."""
    for _ in range(ROWS):
        length = min(context, max(SHORTEST, round(context / 8 * rng.lognormvariate(0, SIGMA))))
        yield length // 3, length


def _lengths_of(pairs: Path, rng: random.Random, context: int) -> Iterator[tuple[int, int]]:
    """The same of pairs in random order."""
    records = list(read_jsonl(pairs, Pair))
    rng.shuffle(records)
    for pair in records:
        prompt, answer = len(pair.instruction) // CHARACTERS, max(1, len(pair.answer) // CHARACTERS)
        if prompt + answer <= context:
            yield prompt, prompt + answer


def shares(rows: Sequence[Row], context: int, records: int) -> dict[str, float]:
    """Share of positions that hold a token over an epoch, by layout."""
    from rustml.training import batching, packing, throughput  # noqa: PLC0415

    count = packing.packed_batches_per_epoch(rows, context, 1, 17)
    packed = packing.real_share(packing.packed_dataset(rows, context, 1, count, 17), context)
    steps = len(rows) // records
    sorted_rows = batching.ordered_rows(rows, records, steps, 17)
    padding = [throughput.padding_share(each, records) for each in (sorted_rows, rows[: steps * records])]
    return dict(zip(LAYOUTS, (packed, *(1 - share for share in padding)), strict=True))
