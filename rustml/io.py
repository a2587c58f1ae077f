"""Files and folders written whole or not at all, and what their bytes are known by."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """A binary file that gets the name `path` when the block ends; an exception or a kill leaves no file of that name.

    The bytes are on disk before the name is. Missing folders are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.replace(path)


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` to `path` as `atomic_write` does."""
    with atomic_write(path) as file:
        file.write(content)


def write_cache_entry(path: Path, content: bytes) -> None:
    """Write `content` to `path` whole, also where several processes write the same entry at once.

    Unlike `write_bytes` it does not wait for the disk: an entry that a crash of the machine spoils is made again.
    The folder has to exist.
    """
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        Path(partial).replace(path)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A new folder that gets the name `path` when the block ends, in place of what was there.

    An exception, a full disk among them, leaves `path` as it was and nothing beside it.
    """
    partial = path.with_name(f"{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    shutil.rmtree(path, ignore_errors=True)
    partial.rename(path)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_digest(folder: Path) -> str:
    """SHA-256, in hex, of a folder's relative paths and bytes, or of one file's name and bytes."""
    digest = hashlib.sha256()
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for file in files:
        name = file.name if file == folder else str(file.relative_to(folder))
        digest.update(f"{name}\0{file_sha256(file)}\n".encode())
    return digest.hexdigest()
