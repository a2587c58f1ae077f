"""A sparse registry, read as Cargo reads it: index files for versions and checksums, archives from the `dl` address.

https://doc.rust-lang.org/cargo/reference/registry-index.html and .../running-a-registry.html. The rate-limited web API
is never called. Archives are cached by checksum; index answers with their ETag or date.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from rustml.cache_layout import CacheLayout
from rustml.cargo import SparseRegistry
from rustml.corpus.sources.crate import VERSION, Crate, CrateRequest, RejectedCrate, is_stable, precedence
from rustml.corpus.sources.http_client import Fetcher
from rustml.corpus.sources.pace import Unavailable
from rustml.errors import EnvironmentFault, InputError
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback

MARKERS = ("{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}")
LINE_LIMIT = 4 << 20
"""Bytes of one line of an index file: one version with its features and dependencies."""
HEX = frozenset("0123456789abcdef")


class Release(msgspec.Struct, frozen=True):
    """One line of an index file; its other fields concern dependency resolution."""

    name: str
    vers: str
    cksum: str
    yanked: bool = False


@dataclass(frozen=True)
class Config:
    """The registry's `config.json`."""

    dl: str
    api: str = ""
    """Host of the web API, which is not asked for anything but may be the host of the index or of the archives."""
    login: bool = False
    """Whether every request needs the token."""

    def url(self, release: Release) -> str:
        """Address of a release's archive."""
        if not any(marker in self.dl for marker in MARKERS):
            return f"{self.dl.rstrip('/')}/{release.name}/{release.vers}/download"
        prefix = index_path(release.name, lower=False).rpartition("/")[0]
        values = (release.name, release.vers, prefix, prefix.lower(), release.cksum)
        url = self.dl
        for marker, value in zip(MARKERS, values, strict=True):
            url = url.replace(marker, value)
        return url


def index_path(name: str, *, lower: bool = True) -> str:
    """Path of a crate's index file: `1/a`, `2/ab`, `3/a/abc`, `ab/cd/abcd`."""
    name = name.lower() if lower else name
    if len(name) <= 2:
        return f"{len(name)}/{name}"
    return f"3/{name[0]}/{name}" if len(name) == 3 else f"{name[:2]}/{name[2:4]}/{name}"


def obtain(
    section: HarvestSection,
    source: SparseRegistry,
    requests: Sequence[CrateRequest],
    cache: Path,
    progress: ProgressCallback,
) -> tuple[list[Crate], list[RejectedCrate]]:
    """Resolve the requested crates and download their archives into the cache.

    A crate that the registry does not have, has yanked, or serves with a wrong checksum is rejected by itself. Raises
    Unavailable when the registry does not answer at all, and EnvironmentFault when it asks for a login or stops
    answering half-way: the archives that arrived stay in the cache, and the next run resumes from there.
    """

    async def resolve() -> list[Crate | RejectedCrate]:
        async with Fetcher(section, source.http) as fetcher:
            config = await registry_config(fetcher, source)
            tasks = [asyncio.ensure_future(_one(fetcher, source, config, request, cache)) for request in requests]
            for done, task in enumerate(asyncio.as_completed(tasks), start=1):
                await task
                progress(done, len(tasks))
        return [task.result() for task in tasks]

    outcomes = asyncio.run(resolve())
    lost = [outcome for outcome in outcomes if isinstance(outcome, RejectedCrate) and outcome.reason == "unavailable"]
    if lost:
        raise EnvironmentFault(
            f"{source.index} stopped answering for {len(lost)} of {len(requests)} crates, the first {lost[0].name} "
            f"({lost[0].detail}). Run the stage again: the archives that arrived are kept"
        )
    crates = [outcome for outcome in outcomes if isinstance(outcome, Crate)]
    return crates, [outcome for outcome in outcomes if isinstance(outcome, RejectedCrate)]


async def registry_config(fetcher: Fetcher, source: SparseRegistry) -> Config:
    """The registry's configuration; from here on the client sends the token where the registry asks for one.

    As Cargo does, the first request goes without: HTTP 401 or `auth-required` in the answer asks for the token.
    """
    url = f"{source.index}/config.json"
    answer = await fetcher.probe(url)
    logged_in = answer.status == 401
    if logged_in:
        fetcher.log_in(_token(source))
        answer = await fetcher.probe(url)
    if logged_in and answer.status in (401, 403):
        raise EnvironmentFault(f"{url} refuses the token (HTTP {answer.status}); {source.login_advice}")
    if answer.status != 200:
        raise Unavailable(f"{url} answers HTTP {answer.status}")
    config = _read_config(url, answer.body)
    if config.login and not logged_in:
        fetcher.log_in(_token(source))
    if config.api:
        fetcher.pace.is_api(config.api)
    return config


def _token(source: SparseRegistry) -> str:
    token = source.token()
    if token is None:
        raise EnvironmentFault(f"{source.index} asks for a login: {source.login_advice}")
    return token.text


def _read_config(url: str, body: bytes) -> Config:
    """The content of a `config.json`. Raises Unavailable where it is not one."""
    try:
        tree: Any = msgspec.json.decode(body)
        dl, api, login = str(tree["dl"]), str(tree.get("api") or ""), bool(tree.get("auth-required"))
        api_host, password = urlsplit(api).hostname or "", urlsplit(dl).username
    except (msgspec.DecodeError, LookupError, AttributeError, TypeError, ValueError) as error:
        raise Unavailable(f"{url} is not a registry configuration") from error
    unknown = [marker for marker in re.findall(r"\{[^{}]*\}", dl) if marker not in MARKERS]
    if unknown:
        raise Unavailable(f"{url}: dl holds the unknown marker {unknown[0][:80]}; there are {', '.join(MARKERS)}")
    if password is not None:
        raise Unavailable(f"{url}: dl holds a name or password, which every record would keep")
    return Config(dl, api_host, login)


async def _one(
    fetcher: Fetcher, source: SparseRegistry, config: Config, request: CrateRequest, cache: Path
) -> Crate | RejectedCrate:
    """Resolve and download one crate; a failure rejects this crate alone."""
    try:
        answer = await fetcher.index(
            f"{source.index}/{index_path(request.name)}", CacheLayout(cache).registry_index / _slug(source.index)
        )
        if answer.status in (404, 410, 451):
            raise InputError(f"not_found: the index has no {request.name} (HTTP {answer.status})")
        release = choose(releases(answer.body, request), request)
        if isinstance(release, RejectedCrate):
            return release
        url = config.url(release)
        archive = archive_path(cache, release.cksum)
        await fetcher.archive(url, archive, release.cksum)
    except InputError as error:
        reason, _, detail = str(error).partition(": ")
        return request.rejected(reason, detail)
    except (Unavailable, httpx.HTTPError) as error:
        return request.rejected("unavailable", str(error)[:160])
    return archived_crate(release, archive, source.public, url)


def archived_crate(release: Release, archive: Path, registry: str, url: str) -> Crate:
    """A release whose archive is on this machine, from the registry whose crates these are."""
    return Crate(
        name=release.name,
        version=release.vers,
        kind="archive",
        location=str(archive.resolve()),
        registry=registry,
        url=url,
        archive_sha256=release.cksum,
    )


def archive_path(cache: Path, checksum: str) -> Path:
    """The path of an archive in the cache."""
    return CacheLayout(cache).archives / checksum[:2] / f"{checksum}.crate"


def _slug(base: str) -> str:
    return hashlib.sha256(base.encode()).hexdigest()[:16]


def releases(index: bytes, request: CrateRequest) -> list[Release]:
    """The well-formed releases of an index file. Raises InputError (`index_line`, `index_corrupt`, `index_foreign`)."""
    decoder = msgspec.json.Decoder(Release)
    lines: list[Release] = []
    for number, line in enumerate(index.splitlines(), start=1):
        if len(line) > LINE_LIMIT:
            size, most = len(line) / 2**20, LINE_LIMIT >> 20
            raise InputError(f"index_line: line {number} of the index file has {size:.1f} MiB, at most {most}")
        try:
            lines += [decoder.decode(line)] if line.strip() else []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(f"index_corrupt: line {number} of the index file: {error}") from error
    same = [release for release in lines if release.name.lower() == request.name.lower()]
    if lines and not same:
        raise InputError(f"index_foreign: the index file of {request.name} names {lines[0].name[:64]!r} instead")
    return [release for release in same if VERSION.fullmatch(release.vers) and _is_sha256(release.cksum)]


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and HEX.issuperset(text)


def choose(candidates: Sequence[Release], request: CrateRequest) -> Release | RejectedCrate:
    """The pinned release, or the newest that is neither yanked nor a pre-release."""
    if request.version:
        pinned = [release for release in candidates if release.vers == request.version]
        if not pinned:
            return RejectedCrate(
                name=request.name, version=request.version, reason="not_found", detail="no such version"
            )
        if pinned[0].yanked:
            return RejectedCrate(
                name=request.name, version=request.version, reason="yanked", detail="the pinned version"
            )
        return pinned[0]
    stable = [release for release in candidates if not release.yanked and is_stable(release.vers)]
    if not stable:
        detail = f"{len(candidates)} versions, all yanked or pre-releases"
        return request.rejected("no_stable_version", detail)
    return max(stable, key=lambda release: precedence(release.vers))
