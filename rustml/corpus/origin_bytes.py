"""The bytes that an origin names, looked up on this machine by their checksums, or brought from their address."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from rustml.cache_layout import CacheLayout
from rustml.cargo import SparseRegistry, resolve
from rustml.corpus.sources import archive
from rustml.corpus.sources.archive import ArchiveRefused
from rustml.corpus.sources.http_client import Fetcher
from rustml.corpus.sources.registry import Release, archive_path, registry_config
from rustml.errors import InputError
from rustml.io import file_sha256
from rustml.origin import folder_of
from rustml.profile.harvest import ArchiveLimits, HarvestSection
from rustml.records import Origin

Place = Literal["archive", "folder", "nowhere"]
SAME = "its SHA-256 is the recorded one"


@dataclass(frozen=True)
class OriginBytes:
    """What this machine says about an origin: one sentence per check, and the file's bytes if they are the recorded."""

    checks: tuple[tuple[str, str], ...]
    data: bytes | None = None


def place_of(origin: Origin) -> Place:
    """Where the origin's bytes are looked for: its crate's archive, or the folder that its crate lay in."""
    folder = folder_of(origin.url)
    if folder is not None and (folder.is_dir() or not origin.archive_sha256):
        return "folder"
    return "archive" if origin.kind == "crate" and origin.archive_sha256 else "nowhere"


def look_up(origin: Origin, cache: CacheLayout, limits: ArchiveLimits) -> OriginBytes:
    """Find the origin's archive and file, and compare each with its recorded SHA-256."""
    match place_of(origin):
        case "folder":
            return _in_folder(origin)
        case "archive":
            return _in_archive(origin, cache, limits)
        case "nowhere":
            return OriginBytes((("source", "not looked up on this machine; the checksums identify it"),))


def fetch(origin: Origin, cache: CacheLayout, section: HarvestSection) -> None:
    """Bring the origin's archive into the cache, unless it is there or the origin is not from an archive.

    The network is reached as for `harvest.registry`; its token goes to the addresses of its own archives alone. Raises
    InputError when the record holds no web address, when other bytes come from it (the cache then stays as it is), and
    for settings of Cargo that cannot be used. Raises Unavailable when the server does not answer, and EnvironmentFault
    when the registry refuses the token.
    """
    if place_of(origin) != "archive":
        return
    path = archive_path(cache.root, origin.archive_sha256)
    if path.is_file():
        return
    if urlsplit(origin.url).scheme not in ("http", "https"):
        raise InputError(f"--fetch: the record's address is {origin.url or 'empty'}, from where nothing can be fetched")
    source = resolve(section.registry) if section.registry else None
    sparse = source if isinstance(source, SparseRegistry) else None
    try:
        asyncio.run(_download(origin, path, section, sparse))
    except InputError as error:
        raise InputError(
            f"--fetch: {origin.url} was refused, and is not kept: {error}. The record names {origin.archive_sha256}"
        ) from error


async def _download(origin: Origin, path: Path, section: HarvestSection, source: SparseRegistry | None) -> None:
    token = await _token(origin, source, section) if source else ""
    async with Fetcher(section, source.http if source else None) as fetcher:
        if token:
            fetcher.log_in(token)
        await fetcher.archive(origin.url, path, origin.archive_sha256)


async def _token(origin: Origin, source: SparseRegistry, section: HarvestSection) -> str:
    """The registry's token, where the registry itself says that the origin's address is one of its archives."""
    token = source.token() if source.public == origin.registry else None
    if token is None:
        return ""
    async with Fetcher(section, source.http) as fetcher:
        config = await registry_config(fetcher, source)
    release = Release(origin.name, origin.version, origin.archive_sha256)
    return token.text if config.login and config.url(release) == origin.url else ""


def _in_folder(origin: Origin) -> OriginBytes:
    path = Path(str(folder_of(origin.url))) / origin.path
    if not path.is_file():
        return OriginBytes((("source", f"{path} is gone"),))
    data = path.read_bytes()
    same = hashlib.sha256(data).hexdigest() == origin.sha256
    checks = (("source", f"{path} has these bytes" if same else f"{path} has CHANGED since"),)
    return OriginBytes(checks, data if same else None)


def _in_archive(origin: Origin, cache: CacheLayout, limits: ArchiveLimits) -> OriginBytes:
    path = archive_path(cache.root, origin.archive_sha256)
    if not path.is_file():
        missing = f"not in the cache; --fetch brings it from {origin.url}. The checksums identify it"
        return OriginBytes((("archive", missing),))
    actual = file_sha256(path)
    whole = f"has CHANGED: its SHA-256 is {actual}; remove it, then --fetch"
    text, data = _member(path, origin, limits)
    if actual == origin.archive_sha256:
        whole = SAME
    return OriginBytes((("archive", f"{path} is in the cache"), ("archive bytes", whole), ("file bytes", text)), data)


def _member(path: Path, origin: Origin, limits: ArchiveLimits) -> tuple[str, bytes | None]:
    """What is to be said of the file in the archive, and its bytes if they are the recorded ones."""
    try:
        files = list(archive.entries(path, f"{origin.name}-{origin.version}", limits))
    except ArchiveRefused as error:
        return f"cannot be read: the archive is refused ({error})", None
    data = next((file.data for file in files if file.path == origin.path), None)
    if data is None:
        return f"has CHANGED: the archive holds no {origin.path}", None
    actual = hashlib.sha256(data).hexdigest()
    return (SAME, data) if actual == origin.sha256 else (f"has CHANGED: its SHA-256 is {actual}", None)
