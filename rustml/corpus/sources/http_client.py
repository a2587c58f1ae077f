"""HTTP downloads with bounds, retries with backoff, resumption and verified checksums."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
import msgspec

from rustml.errors import EnvironmentFault, InputError
from rustml.io import file_sha256, write_bytes
from rustml.profile.harvest import HarvestSection

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_WAIT = 120.0
INDEX_LIMIT = 64 << 20
T = TypeVar("T")


class Unavailable(EnvironmentFault):
    """A server did not answer, or its answer breaks the protocol."""


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


class _Cached(msgspec.Struct):
    """An index answer in the form that the cache stores."""

    etag: str
    body: bytes


class Fetcher:
    """One client for a harvest: at most `connections` requests at a time, all under one User-Agent."""

    def __init__(self, section: HarvestSection, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._section = section
        self._slots = asyncio.Semaphore(section.connections)
        self._client = httpx.AsyncClient(
            headers={"User-Agent": section.user_agent},
            timeout=section.timeout_seconds,
            follow_redirects=True,
            limits=httpx.Limits(max_connections=section.connections),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def probe(self, url: str) -> Answer:
        """Send one request, within `probe_seconds`. Raises Unavailable when the answer is missing or not HTTP 200."""
        try:
            async with asyncio.timeout(self._section.probe_seconds):
                answer = await self._client.get(url)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            raise Unavailable(f"{url} does not answer: {str(error) or type(error).__name__}") from error
        if answer.status_code != 200:
            raise Unavailable(f"{url} answers HTTP {answer.status_code}")
        return Answer(answer.status_code, answer.content)

    async def index(self, url: str, cache: Path) -> Answer:
        """An index file; from the cache when the registry answers that it has not changed."""
        path = cache / f"{hashlib.sha256(url.encode()).hexdigest()}.msgpack"
        known = _read_cached(path)
        headers = {"If-None-Match": known.etag} if known else {}

        async def attempt() -> Answer:
            async with self._client.stream("GET", url, headers=headers) as response:
                if response.status_code == 304 and known:
                    return Answer(200, known.body)
                _refuse_status(response, missing=True)
                body = await _read(response, INDEX_LIMIT)
                if response.status_code == 200 and "etag" in response.headers:
                    write_bytes(path, msgspec.msgpack.encode(_Cached(response.headers["etag"], body)))
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

        async def attempt() -> None:
            await self._download(url, partial)
            if file_sha256(partial) != checksum:
                partial.unlink()
                raise _Retry("checksum: the archive's SHA-256 differs from the index's")
            partial.replace(path)

        await self._retried(attempt, url)

    async def _download(self, url: str, partial: Path) -> None:
        """Append the missing bytes of a download; when the server ignores the range, start anew."""
        size = partial.stat().st_size if partial.exists() else 0
        headers = {"Range": f"bytes={size}-"} if size else {}
        async with self._client.stream("GET", url, headers=headers) as response:
            if response.status_code == 416:
                return
            _refuse_status(response, missing=False)
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
            except (_Retry, httpx.TransportError) as error:
                if retries == 0:
                    raise _last(error, url) from error
                retry_after = error.wait if isinstance(error, _Retry) else None
                await asyncio.sleep(min(wait if retry_after is None else retry_after, LONGEST_WAIT))
                wait *= 2
        raise AssertionError("attempts is at least 1")


def _last(error: Exception, url: str) -> Exception:
    """The error after the last retry: a wrong checksum rejects the archive, any other blames the server."""
    text = str(error) or type(error).__name__
    return InputError(text) if text.startswith("checksum: ") else Unavailable(f"{url}: {text}")


def _refuse_status(response: httpx.Response, *, missing: bool) -> None:
    status = response.status_code
    if status in RETRIED:
        raise _Retry(f"HTTP {status}", _retry_after(response))
    if status not in (200, 206) and not (missing and status in (404, 410, 451)):
        raise InputError(f"http_status: {response.url} answers HTTP {status}")


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait; the rare date form is treated as absent."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isdigit() else None


async def _read(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > limit:
            raise InputError(f"index_size: {response.url} sends more than {limit >> 20} MiB")
    return bytes(body)


def _read_cached(path: Path) -> _Cached | None:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_Cached)
    except (OSError, msgspec.DecodeError):
        return None
