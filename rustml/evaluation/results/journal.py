"""The journal of an evaluation under way: a line a finished chunk. A kill loses what is being drawn and judged."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import msgspec

from rustml.futures import result
from rustml.records import Record, Verdict

Drawn = TypeVar("Drawn")
"""Answers of a chunk before they are judged."""


class Rating(Record, frozen=True, omit_defaults=True):
    """What a language model as judge says of an answer."""

    score: int | None = None
    """1 to 10; None where there is none."""
    reason: str = ""
    """Why not: the reply was `malformed`, or the server `refused` the question; `no_answer` where nothing was asked."""


class Attempt(Record, frozen=True):
    """A second answer, after the first did not pass."""

    prompt: str
    completion: str
    code: str | None
    verdict: Verdict
    asked: bool = True
    """False where the conversation left no room for an answer."""


class Item(Record, frozen=True, omit_defaults=True):
    """One answer in full: a line of `items-<suite>.jsonl`."""

    id: str
    """The problem's."""
    sample: int
    prompt: str
    completion: str
    code: str | None
    """None where the answer holds no code."""
    verdict: Verdict
    seconds: float
    """Wall seconds of its generation: its share of the chunk's."""
    rating: Rating | None = None
    """Where a rater is switched on and rates the task."""
    said: str = ""
    """The first answer, where the protocol asks twice and `completion` answers the second question."""
    repair: Attempt | None = None
    """The second attempt, where the suite gives one and the first did not pass."""
    repaired: bool | None = None
    """Whether either attempt passed; None where the suite gives no second one, or the judge was at fault."""


class Chunk(Record, frozen=True):
    """Answers that were generated and judged together."""

    number: int
    items: tuple[Item, ...]
    seconds: dict[str, float]
    """Wall seconds by phase: `generate`, `judge`."""


def complete(
    path: Path,
    count: int,
    draw: Callable[[int], Drawn],
    judge: Callable[[int, Drawn], Chunk],
    watch: Callable[[int], object],
    *,
    ahead: bool,
) -> Sequence[Chunk]:
    """The chunks 0 to `count`, those in the journal at `path` taken over, the others made and written to it.

    With `ahead`, a chunk is drawn while the one before it is judged in another thread, which is also written where
    drawing fails. `watch` is told the number of answers made.
    """
    chunks = {chunk.number: chunk for chunk in _read(path)}
    if chunks:
        watch(sum(len(chunk.items) for chunk in chunks.values()))

    def finish(number: int, drawn: Drawn) -> None:
        chunks[number] = judge(number, drawn)
        journal.write(msgspec.json.encode(chunks[number]) + b"\n")
        journal.flush()
        os.fsync(journal.fileno())
        watch(sum(len(chunk.items) for chunk in chunks.values()))

    with path.open("ab") as journal, ThreadPoolExecutor(1, thread_name_prefix="evaluation") as background:
        last: Future[None] | None = None
        for number in [number for number in range(count) if number not in chunks]:
            drawn = draw(number)
            if last is not None:
                result(last)
            if ahead:
                last = background.submit(finish, number, drawn)
            else:  # here, where a signal interrupts it
                finish(number, drawn)
        if last is not None:
            result(last)
    return [chunks[number] for number in range(count)]


def _read(path: Path) -> list[Chunk]:
    """The journal's whole lines; a last one that a kill tore is cut off the file."""
    if not path.exists():
        return []
    text = path.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text:
        os.truncate(path, len(whole))
    return [msgspec.json.decode(line, type=Chunk) for line in whole.splitlines()]
