"""A Cargo directory source: `cargo vendor` output, or Debian's /usr/share/cargo/registry.

Each subfolder is an unpacked crate with a `.cargo-checksum.json`, which holds the archive's SHA-256 and, when the tool
that made it filled them in, one SHA-256 per file. https://doc.rust-lang.org/cargo/reference/source-replacement.html
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from rustml.corpus.sources.archive import Entry
from rustml.corpus.sources.crate import (
    Crate,
    CrateRequest,
    Manifest,
    RejectedCrate,
    is_stable,
    parse_manifest,
    precedence,
)
from rustml.errors import EnvironmentFault, InputError
from rustml.origin import MANIFEST, directory_registry, folder_url
from rustml.profile.harvest import ArchiveLimits

CHECKSUM = ".cargo-checksum.json"
SHA256 = re.compile("[0-9a-f]{64}")


class Checksums(msgspec.Struct, frozen=True):
    """The content of a `.cargo-checksum.json`."""

    package: str | None = None
    files: dict[str, str] = {}


def resolve(source: Path, requests: Sequence[CrateRequest]) -> tuple[list[Crate], list[RejectedCrate]]:
    """Find the requested crates, in their order, or all of them by name when `requests` is empty.

    Raises EnvironmentFault when `source` is not a directory source.
    """
    versions = _crates_by_version(source)
    requests = requests or [CrateRequest(name=name) for name in sorted(versions)]
    choices = [_choose(versions.get(request.name, {}), request) for request in requests]
    crates = [choice for choice in choices if isinstance(choice, Crate)]
    return crates, [choice for choice in choices if isinstance(choice, RejectedCrate)]


def _crates_by_version(source: Path) -> dict[str, dict[str, Crate]]:
    """Every crate of the source by name and version."""
    versions: dict[str, dict[str, Crate]] = {}
    try:
        folders = sorted(entry for entry in source.iterdir() if (entry / CHECKSUM).is_file())
    except OSError as error:
        raise EnvironmentFault(
            f"{source} is not a Cargo directory source: {error.strerror}; `cargo vendor` makes one"
        ) from error
    for folder in folders:
        manifest = _manifest(folder)
        if manifest is not None:
            crate = Crate(
                name=manifest.name,
                version=manifest.version,
                kind="directory",
                location=str(folder.resolve()),
                registry=directory_registry(source),
                url=folder_url(folder),
                archive_sha256=_archive_sum(folder),
            )
            versions.setdefault(manifest.name, {})[manifest.version] = crate
    return versions


def _manifest(folder: Path) -> Manifest | None:
    try:
        return parse_manifest((folder / MANIFEST).read_bytes())
    except (OSError, InputError):
        return None


def _archive_sum(folder: Path) -> str:
    """The published archive's SHA-256; empty when there is none: Debian's tool writes a sentence in its place."""
    package = _checksums(folder).package or ""
    return package if SHA256.fullmatch(package) else ""


def _checksums(folder: Path) -> Checksums:
    try:
        return msgspec.json.decode((folder / CHECKSUM).read_bytes(), type=Checksums)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{folder / CHECKSUM}: {error}; make the directory source anew") from error


def _choose(versions: Mapping[str, Crate], request: CrateRequest) -> Crate | RejectedCrate:
    if request.version:
        if request.version in versions:
            return versions[request.version]
        known = ", ".join(sorted(versions)) or "none"
        return RejectedCrate(
            name=request.name, version=request.version, reason="not_found", detail=f"versions there: {known}"
        )
    stable = [version for version in versions if is_stable(version)]
    if not stable:
        return RejectedCrate(
            name=request.name, version="", reason="not_found", detail="no stable version in the source"
        )
    return versions[max(stable, key=precedence)]


def entries(crate: Crate, limits: ArchiveLimits, is_read: Callable[[str], bool]) -> Iterator[Entry]:
    """Yield the crate's regular files whose path `is_read` accepts; no link is followed.

    Raises InputError for a wrong checksum and for a crate over the limits.
    """
    root = Path(crate.location)
    sums = _checksums(root).files
    total = 0
    for path in _walk(root, limits.entries):
        relative = path.relative_to(root).as_posix()
        if not is_read(relative):
            continue
        data = path.read_bytes()
        total += len(data)
        if total > limits.unpacked_mb << 20:
            raise InputError(f"bomb: more than {limits.unpacked_mb} MiB")
        if relative in sums and hashlib.sha256(data).hexdigest() != sums[relative]:
            raise InputError(f"checksum: {relative} differs from {CHECKSUM}")
        yield Entry(path=relative, data=data)


def _walk(root: Path, most: int) -> Iterator[Path]:
    """Regular files below `root` in sorted order, without links."""
    count = 0
    for folder, names, files in os.walk(root, followlinks=False):
        names.sort()
        for file in sorted(files):
            count += 1
            if count > most:
                raise InputError(f"entries: more than {most}")
            path = Path(folder, file)
            if path.is_file() and not path.is_symlink():
                yield path
