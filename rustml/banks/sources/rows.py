"""Rows of a public data set: from a local JSON Lines file, plain or gzipped, or from the Hugging Face hub."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from rustml.errors import EnvironmentFault, InputError


class Hub(NamedTuple):
    """Where a data set lives on the hub."""

    repository: str
    config: str | None
    splits: tuple[str, ...]
    data_file: str | None = None
    """A JSON Lines file inside the repository, for data sets that come with a loading script."""


class Raw(NamedTuple):
    """One row, not yet validated, and where it stands, for messages."""

    place: str
    value: dict[str, Any]


Row = TypeVar("Row", bound=msgspec.Struct)


def read_rows(path: Path) -> Iterator[Raw]:
    """Yield the rows of a `.jsonl` or `.jsonl.gz` file.

    Raises InputError that names the file, and the line where one is not a JSON object.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield Raw(f"{path}, line {number}", _object(line, path, number))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _object(line: bytes, path: Path, number: int) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}, line {number}: not a JSON object: {error}") from error


def hub_rows(hub: Hub) -> Iterator[Raw]:
    """Yield the rows of a data set on the hub. Raises EnvironmentFault where it cannot be had."""
    import datasets  # noqa: PLC0415 - takes seconds, and local files need none of it

    for split in hub.splits:
        try:
            if hub.data_file is None:
                rows = datasets.load_dataset(hub.repository, hub.config, split=split)
            else:
                url = f"hf://datasets/{hub.repository}/{hub.data_file}"
                rows = datasets.load_dataset("json", data_files={split: url}, split=split)
        except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
            raise EnvironmentFault(
                f"cannot load {hub.repository} from the hub: {error}. Give the path of a local JSON Lines file instead"
            ) from error
        for number, row in enumerate(rows, start=1):
            yield Raw(f"{hub.repository} {split}, row {number}", dict(row))


def typed(raw: Raw, kind: type[Row]) -> Row:
    """The row as a struct; columns that it does not name are ignored. Raises InputError with place and key."""
    try:
        return msgspec.convert(raw.value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{raw.place}: {error}; columns here: {', '.join(raw.value) or 'none'}") from error
