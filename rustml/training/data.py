"""What base training and fine-tuning are trained on: tokenised rows from problems and pairs, counted by part."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rustml import chat
from rustml.records import Pair, Problem
from rustml.training.batching import Row


@dataclass(frozen=True)
class Mixture:
    """Rows to train on, and where they came from."""

    rows: Sequence[Row]
    counts: Mapping[str, int]
    """Rows by part."""
    too_long: Mapping[str, int]
    """Records left out for their length, by part."""

    def metrics(self, prefix: str) -> dict[str, float]:
        """Counts, and tokens in all, as metrics under `prefix`."""
        kept = {f"{prefix}.rows.{part}": float(count) for part, count in self.counts.items()}
        lost = {f"{prefix}.too_long.{part}": float(count) for part, count in self.too_long.items()}
        return {**kept, **lost, f"{prefix}.tokens": float(sum(len(ids) for ids, _ in self.rows))}


def mix(tokenizer: chat.Tokenizer, parts: Mapping[str, Iterable[tuple[str, str]]], context: int, seed: int) -> Mixture:
    """Tokenise (instruction, reply) records of several parts and shuffle them together.

    Records of more than `context` tokens are left out and counted: a cut answer would teach to stop midway.
    """
    rows: list[Row] = []
    counts: dict[str, int] = {}
    too_long: dict[str, int] = {}
    for part, records in parts.items():
        encoded = [chat.encode(tokenizer, instruction, reply) for instruction, reply in records]
        fitting = [row for row in encoded if len(row[0]) <= context]
        counts[part], too_long[part] = len(fitting), len(encoded) - len(fitting)
        rows += fitting
    random.Random(seed).shuffle(rows)
    return Mixture(rows, counts, too_long)


def solved(problems: Iterable[Problem]) -> list[tuple[str, str]]:
    """Problems with their reference answers."""
    return [(problem.instruction, chat.answer(problem)) for problem in problems]


def mismatched(problems: Sequence[Problem], seed: int) -> list[tuple[str, str]]:
    """Problems with the answers of other problems: the form of an answer, and nothing of how to find one.

    Each gets the answer of the next one in a random round, so that none keeps its own; a single problem gives nothing.
    """
    if len(problems) < 2:
        return []
    dealt = random.Random(seed).sample(problems, len(problems))
    return [(asked.instruction, chat.answer(other)) for asked, other in zip(dealt, [*dealt[1:], dealt[0]], strict=True)]


def written(pairs: Iterable[Pair]) -> list[tuple[str, str]]:
    """Pairs as they are; raw text has no instruction."""
    return [(pair.instruction, pair.answer) for pair in pairs]
