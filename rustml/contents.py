"""Digests of files and folders that a profile names, for stage keys."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from rustml.errors import InputError
from rustml.io import file_sha256, folder_digest

CHECKSUM = ".cargo-checksum.json"


def file_contents(path: Path, profile_key: str) -> str:
    """SHA-256 of a file that the profile names under `profile_key`. Raises InputError when it cannot be read."""
    try:
        return file_sha256(path)
    except OSError as error:
        raise InputError(f"{profile_key}: cannot read {path}: {error.strerror}; give the path of a file") from error


def files_contents(paths: Iterable[Path], profile_key: str) -> str:
    """SHA-256, in hex, of the names and bytes of several files, in order. Raises InputError as `file_contents` does."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0{file_contents(path, profile_key)}\n".encode())
    return digest.hexdigest()


def path_contents(path: Path, profile_key: str) -> str:
    """The same of a file, or of the names and bytes in a folder. Raises InputError as `file_contents` does."""
    return folder_digest(path) if path.is_dir() else file_contents(path, profile_key)


def directory_source_contents(source: Path) -> str:
    """SHA-256, in hex, of a Cargo directory source: the crates' folder names with what stands for each crate.

    That is its checksum file where this lists the crate's files, since a file that differs from its checksum is
    refused when it is read, else all bytes of the folder (Debian's checksum files list none).
    """
    digest = hashlib.sha256()
    for checksum in sorted(source.glob(f"*/{CHECKSUM}")):
        crate = checksum.parent
        contents = file_sha256(checksum) if _lists_files(checksum) else folder_digest(crate)
        digest.update(f"{crate.name}\0{contents}\n".encode())
    return digest.hexdigest()


def _lists_files(checksum: Path) -> bool:
    try:
        tree = msgspec.json.decode(checksum.read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    return isinstance(tree, dict) and bool(tree.get("files"))
