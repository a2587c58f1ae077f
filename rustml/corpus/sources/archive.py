"""Read a published crate (`.crate`: a gzipped tar) as a hostile file.

Nothing is written while reading. The bound applies to the bytes that the stream inflates to, not to the sizes in its
headers. The first entry that `cargo publish` never makes (a link, a device, a path that leaves the crate, a repeated
path) rejects the whole archive.
"""

import io
import tarfile
import zlib
from collections.abc import Iterator
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import Any

from rustml.errors import InputError
from rustml.io import whole_folder
from rustml.profile.harvest import ArchiveLimits
from rustml.records import Record

READ_ERRORS = (tarfile.TarError, zlib.error, BadGzipFile, EOFError, ValueError, OverflowError, RecursionError)
DRAIN_BYTES = 1 << 16


class Entry(Record, frozen=True):
    """One regular file of a crate."""

    path: str
    """Relative to the crate's folder, with forward slashes."""
    data: bytes


class ArchiveRefused(InputError):
    """An archive that is rejected; the text begins with the reason's short name."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


class _Bounded(io.RawIOBase):
    """A stream that raises ArchiveRefused after `limit` bytes."""

    def __init__(self, inner: GzipFile, limit: int) -> None:
        self._inner, self._left, self._limit = inner, limit, limit

    def read(self, size: int = -1) -> bytes:
        data = self._inner.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveRefused("archive_bomb", f"inflates to more than {self._limit >> 20} MiB")
        return data


def entries(archive: Path, folder: str, limits: ArchiveLimits) -> Iterator[Entry]:
    """Yield the files of a crate archive whose single top folder must be `folder` (`name-version`).

    Raises ArchiveRefused at the first defect; a caller must discard the entries of an archive that raised.
    """
    size = archive.stat().st_size
    if size > limits.archive_mb << 20:
        raise ArchiveRefused("archive_size", f"{size >> 20} MiB compressed, at most {limits.archive_mb}")
    seen: set[str] = set()
    try:
        with archive.open("rb") as raw, GzipFile(fileobj=raw) as inflated:
            stream: Any = _Bounded(inflated, limits.unpacked_mb << 20)
            with tarfile.open(fileobj=stream, mode="r|", errors="surrogateescape", encoding="utf-8") as tar:
                for count, member in enumerate(tar, start=1):
                    if count > limits.entries:
                        raise ArchiveRefused("archive_entries", f"more than {limits.entries}")
                    path = _checked(member, folder, limits, seen)
                    if member.isreg():
                        yield Entry(path=path, data=_content(tar, member))
            while stream.read(DRAIN_BYTES):  # up to the gzip trailer: its checksum detects a truncated archive
                pass
    except READ_ERRORS as error:
        raise ArchiveRefused("archive_corrupt", f"{type(error).__name__}: {str(error)[:100]}") from error


def _checked(member: tarfile.TarInfo, folder: str, limits: ArchiveLimits, seen: set[str]) -> str:
    """The member's path inside the crate, or ArchiveRefused."""
    _refuse_kind(member)
    name = member.name
    if any("\udc80" <= character <= "\udcff" for character in name):
        raise ArchiveRefused("archive_name", f"{name.encode('utf-8', 'surrogateescape')!r} is not UTF-8")
    if len(name) > limits.path_characters or any(ord(character) < 32 or character == "\\" for character in name):
        raise ArchiveRefused("archive_name", f"{name[:80]!r}")
    parts = PurePosixPath(name).parts
    if name.startswith("/") or ".." in parts:
        raise ArchiveRefused("archive_traversal", f"{name!r} leaves the crate")
    if not parts or parts[0] != folder or (len(parts) == 1 and not member.isdir()):
        raise ArchiveRefused("archive_foreign_path", f"{name!r} is not below {folder}/")
    path = "/".join(parts[1:])
    if member.isreg():
        if path in seen:
            raise ArchiveRefused("archive_duplicate", f"{name!r} occurs twice")
        seen.add(path)
    return path


def _refuse_kind(member: tarfile.TarInfo) -> None:
    if member.issym() or member.islnk():
        raise ArchiveRefused("archive_link", f"{member.name!r} -> {member.linkname!r}")
    if member.issparse() or not (member.isreg() or member.isdir()):
        raise ArchiveRefused("archive_device", f"{member.name!r} is neither file nor folder")
    if member.size < 0:
        raise ArchiveRefused("archive_corrupt", f"{member.name!r} has a negative size")


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise ArchiveRefused("archive_corrupt", f"{member.name!r}: {len(data)} of {member.size} bytes")
    return data


def unpack(archive: Path, folder: str, limits: ArchiveLimits, into: Path) -> Path:
    """Unpack a crate below `into` and return its folder; a folder that exists is complete and is not unpacked again.

    Raises ArchiveRefused, and then leaves nothing behind.
    """
    final = into / folder
    if final.is_dir():
        return final
    with whole_folder(final) as partial:
        for entry in entries(archive, folder, limits):
            _write(partial, entry)
    return final


def _write(root: Path, entry: Entry) -> None:
    """Write one file; its path was checked, and exclusive creation refuses an existing file or link."""
    path = root.joinpath(*entry.path.split("/"))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            out.write(entry.data)
    except (FileExistsError, NotADirectoryError) as error:
        raise ArchiveRefused("archive_duplicate", f"{entry.path!r} is both file and folder") from error
