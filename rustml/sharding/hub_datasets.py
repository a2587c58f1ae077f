"""Rows of other people's data sets: local JSONL and parquet files, or streams from the Hugging Face hub."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from rustml.errors import EnvironmentFault, InputError

BATCH_ROWS = 256
Row = dict[str, Any]


def local_rows(path: Path) -> Iterator[Row]:
    """The rows of a JSONL or parquet file, in order. Raises InputError with file and line."""
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    decoder = msgspec.json.Decoder(Row)
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                yield decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise InputError(f"{path}, line {number}: {error}") from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415  a second to load, seldom needed

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            for batch in table.iter_batches(BATCH_ROWS):
                yield from batch.to_pylist()
    except pyarrow.ArrowInvalid as error:
        raise InputError(f"{path} is no parquet file: {error}") from error


def hub_rows(name: str, split: str) -> Iterator[Row]:
    """The rows of a data set of the hub, streamed. Raises EnvironmentFault when it cannot be read."""
    import datasets  # noqa: PLC0415  seconds to load, and seldom needed

    try:
        yield from datasets.load_dataset(name, split=split, streaming=True)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"the hub's data set {name} cannot be read: {str(error)[:200]}") from error
