"""Reading the outputs of earlier stages."""

from collections.abc import Iterator
from pathlib import Path

from rustml.errors import InputError
from rustml.records import Pair, Problem, read_jsonl
from rustml.similarity.overlap import Protected

TRAINING = "-train"


def protected(bank: Path) -> Iterator[Protected]:
    """The texts of every problem that is measured on, below a `bank` stage's output."""
    for path in sorted(bank.glob("*.jsonl")):
        if not path.stem.endswith(TRAINING):
            for problem in read_jsonl(path, Problem):
                yield Protected(bank=path.stem, text=problem.instruction)
                yield Protected(bank=path.stem, text=problem.reference)


def problems(bank: Path, stem: str, limit: int, *, last: bool = False) -> list[Problem]:
    """The first (or last) `limit` trainable problems of a file. Raises InputError when it holds fewer."""
    path = bank / f"{stem}.jsonl"
    found = [problem for problem in read_jsonl(path, Problem) if problem.trainable]
    if len(found) < limit:
        raise InputError(f"{path} holds {len(found)} trainable problems; the profile asks for {limit}")
    return found[len(found) - limit :] if last else found[:limit]


def held_out(bank: Path, stem: str, limit: int) -> list[Problem]:
    """The first `limit` problems of a file, to be measured on."""
    return [problem for problem, _ in zip(read_jsonl(bank / f"{stem}.jsonl", Problem), range(limit), strict=False)]


def pairs(folder: Path, stem: str, limit: int) -> list[Pair]:
    """The first `limit` pairs of a file of the `pairs` stage, or as many as there are."""
    return [pair for pair, _ in zip(read_jsonl(folder / f"{stem}.jsonl", Pair), range(limit), strict=False)]
