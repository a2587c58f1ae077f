"""A local registry: archives in one folder beside an index of the registry's form, as `cargo local-registry` makes it.

https://doc.rust-lang.org/cargo/reference/source-replacement.html#local-registry-sources
"""

from collections.abc import Sequence
from pathlib import Path

from rustml.cargo import LocalRegistry
from rustml.corpus.sources.crate import Crate, CrateRequest, RejectedCrate
from rustml.corpus.sources.registry import archive_path, archived_crate, choose, index_path, releases
from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256, write_bytes
from rustml.origin import local_archive_url
from rustml.profile.harvest import HarvestSection

INDEX = "index"


def obtain(
    section: HarvestSection, source: LocalRegistry, requests: Sequence[CrateRequest], cache: Path
) -> tuple[list[Crate], list[RejectedCrate]]:
    """Resolve the requested crates and copy their archives into the cache, where every archive lies by its checksum.

    Raises EnvironmentFault when the folder is not a local registry.
    """
    if not (source.folder / INDEX).is_dir():
        raise EnvironmentFault(
            f"{source.folder} is not a local registry: it has no folder {INDEX}; `cargo local-registry` makes one"
        )
    outcomes = [_one(section, source, request, cache) for request in requests]
    crates = [outcome for outcome in outcomes if isinstance(outcome, Crate)]
    return crates, [outcome for outcome in outcomes if isinstance(outcome, RejectedCrate)]


def _one(section: HarvestSection, source: LocalRegistry, request: CrateRequest, cache: Path) -> Crate | RejectedCrate:
    try:
        index = _read(source.folder / INDEX / index_path(request.name), "not_found")
        release = choose(releases(index, request), request)
        if isinstance(release, RejectedCrate):
            return release
        original = source.folder / f"{release.name}-{release.vers}.crate"
        archive = archive_path(cache, release.cksum)
        _copy(section, original, archive, release.cksum)
    except InputError as error:
        reason, _, detail = str(error).partition(": ")
        return request.rejected(reason, detail)
    return archived_crate(release, archive, source.public, local_archive_url(original))


def _copy(section: HarvestSection, original: Path, archive: Path, checksum: str) -> None:
    if archive.is_file():
        return
    if original.is_file() and original.stat().st_size > section.limits.archive_mb << 20:
        raise InputError(f"archive_size: more than {section.limits.archive_mb} MiB")
    content = _read(original, "archive_missing")
    sha256 = file_sha256(original)
    if sha256 != checksum:
        raise InputError(f"checksum: {original} has SHA-256 {sha256}, the index says {checksum}")
    write_bytes(archive, content)


def _read(path: Path, reason: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{reason}: {path}: {error.strerror}") from error
