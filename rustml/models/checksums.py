"""SHA-256 of every file of a folder, in the form that `sha256sum --check` reads."""

import re
from collections.abc import Mapping
from pathlib import Path

from rustml.errors import InputError
from rustml.io import file_sha256, write_bytes

CHECKSUMS = "SHA256SUMS"
LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>\S.*)", re.ASCII)


def of_folder(folder: Path) -> dict[str, str]:
    """Digests in hex of all files below `folder` but the checksums themselves, by relative path."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != CHECKSUMS)
    return {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}


def write(folder: Path, digests: Mapping[str, str]) -> None:
    """Write the digests to `SHA256SUMS` in `folder`."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    write_bytes(folder / CHECKSUMS, lines.encode())


def read(folder: Path) -> dict[str, str]:
    """The digests that `SHA256SUMS` in `folder` states. Raises InputError where it is missing or cannot be read."""
    path = folder / CHECKSUMS
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: give the folder of a finished export") from error
    stated = {}
    for number, line in enumerate(lines, start=1):
        entry = LINE.fullmatch(line)
        if entry is None:
            raise InputError(f"{path}, line {number}: not `DIGEST  FILE`; export again")
        stated[entry["name"]] = entry["digest"]
    return stated


def check(folder: Path) -> dict[str, str]:
    """The digests of a folder whose files are those that `SHA256SUMS` states.

    Raises InputError that names the first file that is missing, added or changed.
    """
    stated, actual = read(folder), of_folder(folder)
    for name in sorted(stated.keys() | actual.keys()):
        if name not in actual:
            raise InputError(f"{folder / name} is missing; export again")
        if name not in stated:
            raise InputError(f"{folder / name} does not belong to the export: remove it, or export again")
        if stated[name] != actual[name]:
            raise InputError(f"{folder / name} is not the file that {CHECKSUMS} names: it was changed or damaged")
    return stated
