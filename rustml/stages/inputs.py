"""Problems that models are measured on, from the output of the `bank` stage."""

from collections.abc import Iterator
from pathlib import Path

from rustml.records import Problem, read_jsonl
from rustml.similarity.overlap import Protected

TRAINING = "-train"


def protected(bank: Path) -> Iterator[Protected]:
    """The texts of every problem of the `bank` stage that is measured on: all files but those of training."""
    for path in sorted(bank.glob("*.jsonl")):
        if not path.stem.endswith(TRAINING):
            for problem in read_jsonl(path, Problem):
                yield Protected(bank=path.stem, text=problem.instruction)
                yield Protected(bank=path.stem, text=problem.reference)


def held_out(bank: Path, stem: str, limit: int) -> list[Problem]:
    """The first `limit` problems of a file, to be measured on."""
    return [problem for problem, _ in zip(read_jsonl(bank / f"{stem}.jsonl", Problem), range(limit), strict=False)]
