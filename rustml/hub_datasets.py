"""Rows of public data sets: local JSON Lines and parquet files, or data sets of the Hugging Face hub.

A data set of the hub is named `OWNER/NAME`, or `OWNER/NAME@REVISION` to pin a commit, branch or tag.
"""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import msgspec

from rustml.errors import EnvironmentFault, InputError

BATCH_ROWS = 256
COMMIT = re.compile("[0-9a-f]{40}")
Row = dict[str, Any]
T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)


class HubDataset(NamedTuple):
    """A data set of the hub."""

    repository: str
    config: str | None = None
    data_file: str | None = None
    """A JSON Lines file inside the repository, for data sets that come with a loading script."""
    revision: str | None = None
    """Commit, branch or tag; None for the newest commit of the main branch."""


class LocatedRow(NamedTuple):
    """One row, not yet validated, with its location for messages."""

    location: str
    """`FILE, line N` or `NAME SPLIT, row N`, counted from 1."""
    value: Row


def hub_dataset(text: str) -> HubDataset:
    """Read `OWNER/NAME` or `OWNER/NAME@REVISION`. Raises InputError when the revision is empty."""
    repository, at, revision = text.partition("@")
    if at and not revision:
        raise InputError(f"{text!r} ends with '@': name a commit, branch or tag after it, or leave the '@' out")
    return HubDataset(repository, revision=revision or None)


def pinned(dataset: HubDataset) -> HubDataset:
    """The data set at a commit: the one that its revision stands for now, or the newest one.

    Raises InputError when the hub has no such data set or revision, and EnvironmentFault when it cannot be asked.
    """
    import huggingface_hub  # noqa: PLC0415  seconds to load, and local files need none of it

    ask = huggingface_hub.HfApi().dataset_info
    commit = _from_hub(dataset, lambda: str(ask(dataset.repository, revision=dataset.revision).sha))
    return dataset._replace(revision=commit)


def at_commit(dataset: HubDataset) -> HubDataset:
    """The data set at a commit, as `pinned`; the hub is not asked where the revision is a full commit already."""
    return dataset if COMMIT.fullmatch(dataset.revision or "") else pinned(dataset)


def hub_rows(dataset: HubDataset, split: str, *, streaming: bool = True) -> Iterator[LocatedRow]:
    """Yield the rows of one split: streamed, or downloaded into the hub's cache, from which a later call reads offline.

    Raises InputError when the hub has no such data set, revision or split, and EnvironmentFault for everything else
    that keeps it from being read.
    """
    rows = iter(_from_hub(dataset, lambda: _load(dataset, split, streaming)))
    number = 0
    while (row := _from_hub(dataset, lambda: next(rows, None))) is not None:
        number += 1
        yield LocatedRow(f"{dataset.repository} {split}, row {number}", dict(row))


def hub_folder(dataset: HubDataset, files: Sequence[str]) -> Path:
    """The folder, in the hub's cache, of `files` of a data set, which lie beside each other there.

    Raises as `hub_rows` does.
    """
    import huggingface_hub  # noqa: PLC0415  seconds to load, and local files need none of it

    def fetch(name: str) -> Path:
        path = huggingface_hub.hf_hub_download(dataset.repository, name, repo_type="dataset", revision=dataset.revision)
        return Path(path)

    fetched = [_from_hub(dataset, lambda name=name: fetch(name)) for name in files]  # type: ignore[misc]
    return fetched[0].parent


def _load(dataset: HubDataset, split: str, streaming: bool) -> Iterable[Row]:
    import datasets  # noqa: PLC0415  seconds to load, and local files need none of it

    if dataset.data_file is None:
        rows = datasets.load_dataset(
            dataset.repository, dataset.config, split=split, revision=dataset.revision, streaming=streaming
        )
    else:
        at = f"@{dataset.revision}" if dataset.revision else ""
        url = f"hf://datasets/{dataset.repository}{at}/{dataset.data_file}"
        rows = datasets.load_dataset("json", data_files={split: url}, split=split, streaming=streaming)
    return cast(Iterable[Row], rows)


def _from_hub(dataset: HubDataset, read: Callable[[], T]) -> T:
    """What `read` returns. Reading passes through five libraries, each with its own exceptions, so all are caught."""
    try:
        return read()
    except Exception as error:
        at = f" at {dataset.revision}" if dataset.revision else ""
        text = f"the hub's data set {dataset.repository}{at} cannot be read: {str(error)[:200] or type(error).__name__}"
        if _is_missing(error):
            raise InputError(f"{text}. Check its name, revision and split") from error
        raise EnvironmentFault(
            f"{text}. Try again later, pin a full commit that was read before, or give the path of a local copy"
        ) from error


def _is_missing(error: Exception) -> bool:
    """Whether the hub answered that it holds no such data set, revision or split."""
    from datasets.exceptions import DatasetNotFoundError  # noqa: PLC0415
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError  # noqa: PLC0415

    missing = (DatasetNotFoundError, RepositoryNotFoundError, RevisionNotFoundError)
    return isinstance(error, missing) or (isinstance(error, ValueError) and "split" in str(error).lower())


def local_rows(path: Path) -> Iterator[LocatedRow]:
    """Yield the rows of a `.jsonl`, `.json` or `.parquet` file, in order, the first two also as `.gz`.

    `.json` is one array of objects; in `.jsonl` empty lines are skipped. Raises InputError that names the file, and the
    line or the item of a row that is not a JSON object.
    """
    if path.suffix == ".parquet":
        yield from _parquet_rows(path)
        return
    if ".json" in path.suffixes:
        yield from _array_rows(path)
        return
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    location = f"{path}, line {number}"
                    yield LocatedRow(location, _json_object(line, location))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error


def _array_rows(path: Path) -> Iterator[LocatedRow]:
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            items = msgspec.json.decode(file.read(), type=list[msgspec.Raw])
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a JSON array: {error}") from error
    for number, item in enumerate(items, start=1):
        location = f"{path}, item {number}"
        yield LocatedRow(location, _json_object(bytes(item), location))


def _json_object(line: bytes, location: str) -> Row:
    try:
        return msgspec.json.decode(line, type=Row)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{location}: not a JSON object: {error}") from error


def _parquet_rows(path: Path) -> Iterator[LocatedRow]:
    import pyarrow.parquet  # type: ignore[import-untyped]  # noqa: PLC0415  a second to load, seldom needed

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            rows = (row for batch in table.iter_batches(BATCH_ROWS) for row in batch.to_pylist())
            for number, row in enumerate(rows, start=1):
                yield LocatedRow(f"{path}, row {number}", row)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputError(f"{path} cannot be read as parquet: {error}") from error


def typed(row: LocatedRow, kind: type[S]) -> S:
    """The row as a struct; columns without a field are ignored. Raises InputError with its location and the key."""
    try:
        return msgspec.convert(row.value, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{row.location}: {error}; columns here: {', '.join(row.value) or 'none'}") from error
