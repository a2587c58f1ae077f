"""What base training and fine-tuning are trained on: tokenised rows of several parts, mixed and counted."""

import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from rustml import chat
from rustml.records import Pair, Problem
from rustml.training.batching import Row

Text = tuple[str, str] | tuple[str, str, chat.Turns]
"""Instruction and reply, and the turns before them, if any; raw text has an empty instruction."""
Encode = Callable[[chat.Tokenizer, Iterable[Text], int, int | None], tuple[list[Row], int]]
"""As `encode`, which may look up what it has tokenised before."""
AT_ONCE = 1000
"""Records that are tokenised together."""


@dataclass(frozen=True)
class Amount:
    """How many rows of a part are mixed in: a number, a share of the whole mix, or (neither) all."""

    rows: int | None = None
    share: float | None = None


ALL = Amount()


@dataclass(frozen=True)
class Mixture:
    """Rows to train on, and where they came from."""

    rows: Sequence[Row]
    counts: Mapping[str, int]
    """Rows by part."""
    too_long: Mapping[str, int]
    """Records left out for their length, by part."""
    wanted: Mapping[str, int] = field(default_factory=dict)
    """Rows that the amounts ask for, by part; of a part that is mixed in whole, its rows."""
    tokens: Mapping[str, int] = field(default_factory=dict)
    """Tokens of the rows, by part."""
    emptied: tuple[str, ...] = ()
    """Parts all of whose records are too long."""

    def metrics(self, prefix: str) -> dict[str, float]:
        """Counts, shares asked for and reached, and tokens, as metrics under `prefix`."""
        named = {f"rows.{part}": float(count) for part, count in self.counts.items()}
        named |= {f"too_long.{part}": float(count) for part, count in self.too_long.items()}
        named |= {f"short.{part}": float(count - self.counts[part]) for part, count in self.wanted.items()}
        named |= {f"share.{part}": share for part, share in _shares(self.counts).items()}
        named |= {f"share_asked.{part}": share for part, share in _shares(self.wanted).items()}
        named |= {f"tokens.{part}": float(count) for part, count in self.tokens.items()}
        named["tokens"] = float(sum(len(ids) for ids, _ in self.rows))
        return {f"{prefix}.{name}": value for name, value in named.items()}


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values())
    return {part: count / total if total else 0.0 for part, count in counts.items()}


def mix(
    tokenizer: chat.Tokenizer,
    parts: Mapping[str, Iterable[Text]],
    context: int,
    seed: int,
    amounts: Mapping[str, Amount] | None = None,
    most: int | None = None,
    tokenise: Encode | None = None,
) -> Mixture:
    """Tokenise the records of several parts, as many rows of each as its amount says, and shuffle them together.

    A part's records are taken in their order. Those of more than `context` tokens are left out, counted and replaced by
    the next: a cut answer would teach to stop midway. A part without an amount is taken whole. Of more than `most` rows
    each part gives its share, the first ones.
    """
    amounts = amounts or {}
    rows: dict[str, list[Row]] = {}
    too_long: dict[str, int] = {}
    requested: dict[str, int] = {}
    by_share = [part for part in parts if amounts.get(part, ALL).share is not None]
    for part in [*(part for part in parts if part not in by_share), *by_share]:
        share = amounts.get(part, ALL).share
        limit = amounts.get(part, ALL).rows
        if share is not None:
            limit = round(_other_rows(rows, by_share) * share / (1 - _total_share(amounts)))
        rows[part], too_long[part] = (tokenise or encode)(tokenizer, parts[part], context, limit)
        requested[part] = len(rows[part]) if limit is None else limit
    emptied = tuple(part for part in parts if too_long[part] and not rows[part])
    total = sum(map(len, rows.values()))
    if most is not None and total > most:
        rows = {part: of_part[: round(most * len(of_part) / total)] for part, of_part in rows.items()}
        requested = {part: len(of_part) for part, of_part in rows.items()}
    mixed = [row for part in parts for row in rows[part]]
    random.Random(seed).shuffle(mixed)
    counts = {part: len(rows[part]) for part in parts}
    tokens = {part: sum(len(ids) for ids, _ in rows[part]) for part in parts}
    return Mixture(mixed, counts, too_long, requested, tokens, emptied)


def _other_rows(rows: Mapping[str, Sequence[Row]], by_share: Sequence[str]) -> int:
    """Rows of the parts that are not given as a share."""
    return sum(len(rows_of_part) for part, rows_of_part in rows.items() if part not in by_share)


def _total_share(amounts: Mapping[str, Amount]) -> float:
    return sum(amount.share or 0.0 for amount in amounts.values())


def encode(
    tokenizer: chat.Tokenizer, texts: Iterable[Text], context: int, limit: int | None = None
) -> tuple[list[Row], int]:
    """The first `limit` records of at most `context` tokens, tokenised, and how many were passed over as longer."""
    rows: list[Row] = []
    too_long = 0
    records = iter(texts if limit != 0 else ())
    while some := list(itertools.islice(records, AT_ONCE)):
        for row in chat.encode_all(tokenizer, some):
            if len(row[0]) > context:
                too_long += 1
                continue
            rows.append(row)
            if len(rows) == limit:
                return rows, too_long
    return rows, too_long


def solved(problems: Iterable[Problem]) -> list[Text]:
    """Problems with their reference answers."""
    return [(problem.instruction, chat.answer(problem)) for problem in problems]


def mismatched(problems: Sequence[Problem], seed: int) -> list[Text]:
    """Problems with the answers of other problems: the form of an answer, and nothing of how to find one.

    Each gets the answer of the next one in a random cycle, so that none keeps its own; a single problem gives nothing.
    """
    if len(problems) < 2:
        return []
    cycle = random.Random(seed).sample(problems, len(problems))
    return [
        (problem.instruction, chat.answer(other)) for problem, other in zip(cycle, [*cycle[1:], cycle[0]], strict=True)
    ]


def written(pairs: Iterable[Pair]) -> list[Text]:
    """Pairs as they are; raw text has no instruction."""
    return [
        (pair.instruction, pair.answer, pair.earlier) if pair.earlier else (pair.instruction, pair.answer)
        for pair in pairs
    ]
