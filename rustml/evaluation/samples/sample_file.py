"""Files of samples of any origin: JSON Lines (also gzipped) or parquet, one answer of a model per row."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, local_rows
from rustml.records import Record
from rustml.rust.fences import FENCE, extract

CODE = ("code", "completion", "generated_code", "generated", "generation", "solution", "output", "response", "answer",
        "text")  # fmt: skip
"""Columns that may hold the answer; the first that a row has is taken."""
PROMPT = ("prompt", "instruction", "question", "input")
NAME = ("id", "task_id", "name")


class Sample(Record, frozen=True):
    """One answer."""

    id: str
    code: str | None
    """None where the answer holds no complete code block, or nothing at all."""
    prompt: str = ""
    """Empty where the file has none."""


def read_samples(path: Path, column: str = "") -> list[Sample]:
    """The samples of a file, in order; `column` names the one that holds the answer, empty for the first of CODE.

    An id that repeats gets `#2`, `#3`, ... Raises InputError that names the file, and the line of a row without answer.
    """
    rows = list(local_rows(path))
    if not rows:
        raise InputError(f"{path} holds no sample; each line is one JSON object with a column such as `completion`")
    names = _names(rows)
    return [Sample(id=name, code=_code(row, column), prompt=_text(row.value, PROMPT)) for name, row in names]


def _names(rows: list[LocatedRow]) -> Iterator[tuple[str, LocatedRow]]:
    """A distinct name for each row: a made one never meets one that the file has."""
    names = [str(_first(row.value, NAME) or number) for number, row in enumerate(rows, start=1)]
    taken, counts = set(names), Counter[str]()
    for name, row in zip(names, rows, strict=True):
        counts[name] += 1
        distinct = name
        while counts[name] > 1 and distinct in taken:
            distinct = f"{name}#{counts[name]}"
            counts[name] += distinct in taken
        taken.add(distinct)
        yield distinct, row


def _code(row: LocatedRow, column: str) -> str | None:
    names = (column,) if column else CODE
    key = next((name for name in names if name in row.value), None)
    if key is None:
        wanted = f"`{column}`" if column else "the answer: " + ", ".join(f"`{name}`" for name in CODE)
        raise InputError(f"{row.location}: no column for {wanted}; it has {', '.join(map(repr, row.value)) or 'none'}")
    answer = row.value[key]
    if answer is not None and not isinstance(answer, str):
        raise InputError(f"{row.location}: `{key}` is {type(answer).__name__}, not text")
    return code_of(answer or "")


def code_of(answer: str) -> str | None:
    """The last complete code block of an answer, or all of one that has no fence; None where there is no code."""
    if any(FENCE.match(line) for line in answer.splitlines()):
        return extract(answer, "")
    return answer if answer.strip() else None


def _text(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = _first(row, names)
    return value if isinstance(value, str) else ""


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((row[name] for name in names if row.get(name) is not None), None)
