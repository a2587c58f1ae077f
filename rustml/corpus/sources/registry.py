"""A sparse registry, read as Cargo reads it: index files for versions and checksums, archives from the `dl` address.

https://doc.rust-lang.org/cargo/reference/registry-index.html and .../running-a-registry.html. The rate-limited web API
is never called. Archives are cached by checksum; index answers by their ETag.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgspec

from rustml.cache_layout import CacheLayout
from rustml.corpus.sources.crate import VERSION, Crate, CrateRequest, RejectedCrate, is_stable, precedence
from rustml.corpus.sources.http_client import Answer, Fetcher, Unavailable
from rustml.errors import EnvironmentFault, InputError
from rustml.origin import index_url, sparse_registry
from rustml.profile.harvest import HarvestSection
from rustml.progress import ProgressCallback

MARKERS = ("{crate}", "{version}", "{prefix}", "{lowerprefix}", "{sha256-checksum}")
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
    section: HarvestSection, requests: Sequence[CrateRequest], cache: Path, progress: ProgressCallback
) -> tuple[list[Crate], list[RejectedCrate]]:
    """Resolve the requested crates and download their archives into the cache.

    A crate that the registry does not have, has yanked, or serves with a wrong checksum is rejected by itself. Raises
    Unavailable when the registry does not answer at all, and EnvironmentFault when it stops answering half-way: the
    archives that arrived stay in the cache, and the next run resumes from there.
    """
    return asyncio.run(_obtain(section, requests, cache, progress))


async def _obtain(
    section: HarvestSection, requests: Sequence[CrateRequest], cache: Path, progress: ProgressCallback
) -> tuple[list[Crate], list[RejectedCrate]]:
    base = index_url(section.registry)
    async with Fetcher(section) as fetcher:
        config = await _config(fetcher, base)
        tasks = [asyncio.ensure_future(_one(fetcher, base, config, request, cache)) for request in requests]
        for done, task in enumerate(asyncio.as_completed(tasks), start=1):
            await task
            progress(done, len(tasks))
    outcomes = [task.result() for task in tasks]
    lost = [outcome for outcome in outcomes if isinstance(outcome, RejectedCrate) and outcome.reason == "unavailable"]
    if lost:
        raise EnvironmentFault(
            f"{base} stopped answering for {len(lost)} of {len(requests)} crates, the first {lost[0].name} "
            f"({lost[0].detail}). Run the stage again: the archives that arrived are kept"
        )
    crates = [outcome for outcome in outcomes if isinstance(outcome, Crate)]
    return crates, [outcome for outcome in outcomes if isinstance(outcome, RejectedCrate)]


async def _config(fetcher: Fetcher, base: str) -> Config:
    answer = await fetcher.probe(f"{base}/config.json")
    try:
        tree: Any = msgspec.json.decode(answer.body)
        if tree.get("auth-required"):
            raise EnvironmentFault(f"{base} asks for a login, which is not supported; use a directory source")
        return Config(dl=str(tree["dl"]))
    except (msgspec.DecodeError, KeyError, AttributeError) as error:
        raise Unavailable(f"{base}/config.json is not a registry configuration") from error


async def _one(
    fetcher: Fetcher, base: str, config: Config, request: CrateRequest, cache: Path
) -> Crate | RejectedCrate:
    """Resolve and download one crate; a failure rejects this crate alone."""
    try:
        answer = await fetcher.index(
            f"{base}/{index_path(request.name)}", CacheLayout(cache).registry_index / _slug(base)
        )
        release = choose(releases(answer, request), request)
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
    return Crate(
        name=release.name,
        version=release.vers,
        kind="archive",
        location=str(archive.resolve()),
        registry=sparse_registry(base),
        url=url,
        archive_sha256=release.cksum,
    )


def archive_path(cache: Path, checksum: str) -> Path:
    """The path of an archive in the cache."""
    return CacheLayout(cache).archives / checksum[:2] / f"{checksum}.crate"


def _slug(base: str) -> str:
    return hashlib.sha256(base.encode()).hexdigest()[:16]


def releases(answer: Answer, request: CrateRequest) -> list[Release]:
    """The well-formed releases of an index file. Raises InputError (`not_found`, `index_corrupt`)."""
    if answer.status in (404, 410, 451):
        raise InputError(f"not_found: the index has no {request.name} (HTTP {answer.status})")
    decoder = msgspec.json.Decoder(Release)
    try:
        lines = [decoder.decode(line) for line in answer.body.splitlines() if line.strip()]
    except msgspec.DecodeError as error:
        raise InputError(f"index_corrupt: {error}") from error
    same = [release for release in lines if release.name.lower() == request.name.lower()]
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
