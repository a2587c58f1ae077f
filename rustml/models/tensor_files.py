"""Safetensors files read and written as bytes: whether they are whole, and the same tensors in other shards.

Format: eight bytes with the header's length, a JSON header with dtype, shape and offsets of each tensor, then the data
without gaps (safetensors' README, "Format"). No tensor is decoded, so that any dtype stays what it is, and memory does
not grow with the model.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from rustml.errors import InputError
from rustml.io import atomic_write, write_bytes

LENGTH_BYTES = 8
ALIGNMENT = 8
BLOCK = 1 << 20
"""Bytes copied at once."""
METADATA = "__metadata__"
SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"


@dataclass(frozen=True)
class StoredTensor:
    """A tensor where it lies on disk."""

    name: str
    file: Path
    dtype: str
    """As the header names it: `BF16`, `F8_E4M3`."""
    shape: tuple[int, ...]
    start: int
    """Byte offset in the file."""
    size: int
    """Bytes."""


def shards(folder: Path) -> list[Path]:
    """The files `*.safetensors` of a checkpoint at any depth below `folder`, sorted."""
    return sorted(folder.rglob("*.safetensors"))


def tensors(folder: Path) -> list[StoredTensor]:
    """All tensors of the checkpoint in `folder`, in the order of its files.

    Raises InputError that names the file for one that is cut off or damaged, for a tensor that two files hold, and
    where an index of shards names other tensors or files than there are.
    """
    stored = [tensor for file in shards(folder) for tensor in tensors_of(file)]
    names: dict[str, Path] = {}
    for tensor in stored:
        if tensor.name in names:
            raise InputError(f"{tensor.file} and {names[tensor.name]} both hold {tensor.name}: give one checkpoint")
        names[tensor.name] = tensor.file
    for index in sorted(folder.rglob("*.safetensors.index.json")):
        _check_index(index, {name: file.name for name, file in names.items()})
    return stored


def tensors_of(file: Path) -> list[StoredTensor]:
    """The tensors of one file. Raises InputError for a file that is cut off, or whose header does not fit its data."""
    header, begin = _header(file)
    entries = sorted(
        ((name, entry) for name, entry in header.items() if name != METADATA), key=lambda pair: _offsets(file, pair[1])
    )
    end, stored = 0, []
    for name, entry in entries:
        first, last = _offsets(file, entry)
        if first != end or last < first:
            raise _damaged(file, f"the bytes of {name} do not follow those before it")
        end = last
        stored.append(
            StoredTensor(
                name, file, str(entry.get("dtype")), tuple(entry.get("shape", ())), begin + first, last - first
            )
        )
    expected, actual = begin + end, file.stat().st_size
    if actual != expected:
        raise _damaged(file, f"it has {actual} bytes, and its header asks for {expected}")
    return stored


def metadata(folder: Path) -> dict[str, str]:
    """What the headers of all files of a checkpoint say besides tensors. Raises InputError as `tensors` does."""
    notes: dict[str, str] = {}
    for file in shards(folder):
        notes |= _header(file)[0].get(METADATA, {})
    return notes


def write_shards(stored: Sequence[StoredTensor], folder: Path, limit: int, notes: Mapping[str, str]) -> list[Path]:
    """Write the tensors into files of `folder` below `limit` bytes of data each; an index where there are several.

    A tensor larger than `limit` has a file of its own.
    """
    parts = list(_parts(stored, limit))
    if len(parts) == 1:
        return [_write(folder / SINGLE, parts[0], notes)]
    names = [f"model-{number:05}-of-{len(parts):05}.safetensors" for number in range(1, len(parts) + 1)]
    files = [_write(folder / name, part, notes) for name, part in zip(names, parts, strict=True)]
    places = {tensor.name: name for name, part in zip(names, parts, strict=True) for tensor in part}
    index = {"metadata": {"total_size": sum(t.size for t in stored)}, "weight_map": dict(sorted(places.items()))}
    write_bytes(folder / INDEX, json.dumps(index, indent=2).encode())
    return files


def _parts(stored: Sequence[StoredTensor], limit: int) -> Iterator[list[StoredTensor]]:
    part: list[StoredTensor] = []
    for tensor in stored:
        if part and sum(t.size for t in part) + tensor.size > limit:
            yield part
            part = []
        part.append(tensor)
    yield part


def _write(path: Path, part: Sequence[StoredTensor], notes: Mapping[str, str]) -> Path:
    header: dict[str, Any] = {METADATA: dict(sorted(notes.items()))} if notes else {}
    offset = 0
    for tensor in part:
        ends = [offset, offset + tensor.size]
        header[tensor.name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": ends}
        offset = ends[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    with atomic_write(path) as out:
        out.write(len(text).to_bytes(LENGTH_BYTES, "little") + text)
        for tensor in part:
            _copy(tensor, out)
    return path


def _copy(tensor: StoredTensor, out: BinaryIO) -> None:
    with tensor.file.open("rb") as source:
        source.seek(tensor.start)
        left = tensor.size
        while left:
            block = source.read(min(left, BLOCK))
            if not block:
                raise _damaged(tensor.file, f"it ends within {tensor.name}")
            out.write(block)
            left -= len(block)


def _header(file: Path) -> tuple[dict[str, Any], int]:
    """The header, and where the data begin."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        if size < LENGTH_BYTES or length > size - LENGTH_BYTES:
            raise _damaged(file, f"it has {size} bytes, fewer than its header")
        try:
            header = json.loads(stream.read(length))
        except ValueError as error:
            raise _damaged(file, "its header is not JSON") from error
    if not isinstance(header, dict) or not all(isinstance(entry, dict) for entry in header.values()):
        raise _damaged(file, "its header is not a table of tensors")
    return header, LENGTH_BYTES + length


def _offsets(file: Path, entry: Mapping[str, Any]) -> tuple[int, int]:
    offsets = entry.get("data_offsets")
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(isinstance(number, int) for number in offsets)):
        raise _damaged(file, "its header gives a tensor without offsets")
    return offsets[0], offsets[1]


def _check_index(index: Path, actual: Mapping[str, str]) -> None:
    try:
        wanted = json.loads(index.read_bytes())["weight_map"]
        places = {str(name): str(file) for name, file in wanted.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{index} is not an index of shards: it has no table weight_map") from error
    for name in sorted(places.keys() | actual.keys()):
        if places.get(name) != actual.get(name):
            raise InputError(
                f"{index} says that {name} lies in {places.get(name, 'no file')}, and it lies in "
                f"{actual.get(name, 'none')}: a shard is missing or from another checkpoint. Fetch it again"
            )


def _damaged(file: Path, why: str) -> InputError:
    return InputError(f"{file} is damaged: {why}. Fetch or make this checkpoint again")
