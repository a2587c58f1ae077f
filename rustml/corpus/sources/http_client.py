"""HTTP downloads with bounds, retries with backoff, resumption and verified checksums."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx

from rustml.cargo.network import HttpSettings
from rustml.corpus.sources import index_cache
from rustml.corpus.sources.pace import LONGEST_WAIT, Pace, Unavailable, retry_after
from rustml.errors import InputError
from rustml.io import file_sha256
from rustml.profile.harvest import HarvestSection

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
INDEX_LIMIT = 64 << 20
BROKEN = (httpx.TooManyRedirects, httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.DecodingError)
"""What a server sends wrong each time: redirects in a circle or to no address, a body that cannot be decoded."""
T = TypeVar("T")


class _Retry(Exception):
    """An attempt failed in a way that a retry may cure."""

    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Answer:
    """A small HTTP answer with its complete body."""

    status: int
    body: bytes


class Fetcher:
    """One client for a harvest: at most `connections` requests at a time, all under one User-Agent.

    Raises InputError for settings of the network that cannot be used.
    """

    def __init__(self, section: HarvestSection, http: HttpSettings | None = None) -> None:
        self._section = section
        self._slots = asyncio.Semaphore(section.connections)
        self._login: dict[str, str] = {}
        self.pace = Pace(section.interval_seconds, section.static_interval_seconds)
        self._client = _client(section, http or HttpSettings(), self.pace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def log_in(self, token: str) -> None:
        """Send a token with every request from here on. The client leaves it out after a redirect to another host."""
        self._login = {"Authorization": token}

    async def probe(self, url: str) -> Answer:
        """Send one request, within `probe_seconds`. Raises Unavailable when nothing answers."""
        try:
            async with asyncio.timeout(self._section.probe_seconds):
                answer = await self._client.get(url, headers=self._login)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable(f"{url} does not answer: {str(error) or type(error).__name__}") from error
        return Answer(answer.status_code, answer.content)

    async def index(self, url: str, cache: Path) -> Answer:
        """An index file; from the cache when the registry answers that it has not changed.

        Where the registry sent nothing to ask that by, its last answer holds for `index_minutes`.
        """
        known = index_cache.read(cache, url)
        if known and known.is_recent(self._section.index_minutes):
            return Answer(200, known.body)
        headers = self._login | (known.conditions if known else {})

        async def attempt() -> Answer:
            async with self._client.stream("GET", url, headers=headers) as response:
                if response.status_code == 304 and known:
                    return Answer(200, known.body)
                self._refuse_status(url, response, missing=True)
                body = await _read(url, response, INDEX_LIMIT)
                if response.status_code == 200:
                    index_cache.store(cache, url, response, body)
                return Answer(response.status_code, body)

        return await self._retried(attempt, url)

    async def archive(self, url: str, path: Path, checksum: str) -> None:
        """Download an archive to `path` and verify its SHA-256; a file that exists is not downloaded again.

        Raises InputError (`checksum`, `archive_size`, `http_status`), or Unavailable after the last attempt.
        """
        if path.is_file():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".partial")
        wrong: set[str] = set()

        async def attempt() -> None:
            await self._download(url, partial)
            sha256 = file_sha256(partial)
            if sha256 == checksum:
                partial.replace(path)
                return
            partial.unlink()
            text = f"checksum: {url} sends another archive: SHA-256 {sha256}, the index says {checksum}"
            if sha256 in wrong:  # not a broken transfer: it sends the same bytes each time
                raise InputError(text)
            wrong.add(sha256)
            raise _Retry(text)

        await self._retried(attempt, url)

    async def _download(self, url: str, partial: Path) -> None:
        """Append the missing bytes of a download; when the server ignores the range, start anew."""
        size = partial.stat().st_size if partial.exists() else 0
        headers = self._login | ({"Range": f"bytes={size}-"} if size else {})
        async with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:
                return
            self._refuse_status(url, response, missing=False)
            with partial.open("ab" if response.status_code == 206 else "wb") as out:
                async for chunk in response.aiter_bytes():
                    out.write(chunk)
                    if out.tell() > self._section.limits.archive_mb << 20:
                        raise InputError(f"archive_size: more than {self._section.limits.archive_mb} MiB")

    async def _retried(self, attempt: Callable[[], Awaitable[T]], url: str) -> T:
        wait = self._section.backoff_seconds
        for retries in range(self._section.attempts - 1, -1, -1):
            try:
                async with self._slots:
                    return await attempt()
            except BROKEN as error:
                raise InputError(f"http_answer: {url}: {str(error) or type(error).__name__}") from error
            except (_Retry, httpx.TransportError) as error:
                if retries == 0:
                    raise _last(error, url) from error
                if not (isinstance(error, _Retry) and error.wait is not None):  # else the host is held
                    await asyncio.sleep(min(wait, LONGEST_WAIT))
                wait *= 2
        raise AssertionError("attempts is at least 1")

    def _refuse_status(self, url: str, response: httpx.Response, *, missing: bool) -> None:
        """Raise for an answer that is not what `url` was asked for. A redirect's address may hold a signature."""
        status = response.status_code
        if status in RETRIED:
            wait = retry_after(response)
            if wait is not None:
                self.pace.hold(response.url.host, wait)
            raise _Retry(f"HTTP {status}", wait)
        if status not in (200, 206) and not (missing and status in (404, 410, 451)):
            raise InputError(f"http_status: {url} answers HTTP {status}")


def _client(section: HarvestSection, http: HttpSettings, pace: Pace) -> httpx.AsyncClient:
    hosts = http.direct if http.proxy else ()
    try:
        return httpx.AsyncClient(
            headers={"User-Agent": section.user_agent},
            timeout=http.timeout or section.timeout_seconds,
            follow_redirects=True,
            limits=httpx.Limits(max_connections=section.connections),
            event_hooks={"request": [pace.turn]},
            proxy=http.proxy if http.proxy and "*" not in hosts else None,
            mounts={_pattern(host): None for host in hosts if host != "*"},
            verify=ssl.create_default_context(cafile=str(http.cainfo)) if http.cainfo else True,
        )
    except (ssl.SSLError, OSError) as error:
        raise InputError(f"http.cainfo of Cargo's settings: {http.cainfo} holds no certificates: {error}") from error


def _pattern(host: str) -> str:
    """The client's pattern for a host and, where it is a name, for the hosts below it."""
    return f"all://[{host.strip('[]')}]" if ":" in host else f"all://*{host}"


def _last(error: Exception, url: str) -> Exception:
    """The error after the last retry: a wrong checksum rejects the archive, any other blames the server."""
    text = str(error) or type(error).__name__
    return InputError(text) if text.startswith("checksum: ") else Unavailable(f"{url}: {text}")


async def _read(url: str, response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise InputError(f"index_size: {url} sends more than {limit >> 20} MiB")
    return bytes(body)
