"""Texts that training data must not overlap: the problems that models are measured on."""

from collections.abc import Iterator
from pathlib import Path

from rustml.records import Problem, read_jsonl
from rustml.similarity.overlap import Protected

TRAINING = "-train"
"""End of the stem of a bank file that is trained on."""


def protected(bank: Path) -> Iterator[Protected]:
    """Instruction and reference of every problem that is measured on; `bank` is an output of the `bank` stage."""
    for path in sorted(bank.glob("*.jsonl")):
        if not path.stem.endswith(TRAINING):
            for problem in read_jsonl(path, Problem):
                yield Protected(bank=path.stem, text=problem.instruction)
                yield Protected(bank=path.stem, text=problem.reference)
