"""Problems that models are measured on, from the output of the `bank` stage."""

from itertools import islice
from pathlib import Path

from rustml.records import Problem, read_jsonl


def held_out(bank: Path, stem: str, limit: int) -> list[Problem]:
    """The first `limit` problems of a file that is measured on, or all where there are fewer."""
    return list(islice(read_jsonl(bank / f"{stem}.jsonl", Problem), limit))
