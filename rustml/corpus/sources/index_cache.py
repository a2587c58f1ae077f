"""Answers of a registry's index on disk, with what the next request sends so that nothing is sent twice."""

import hashlib
import time
from pathlib import Path

import httpx
import msgspec

from rustml.io import write_cache_entry


class CachedAnswer(msgspec.Struct, frozen=True):
    """An index file as the registry last sent it."""

    body: bytes
    etag: str = ""
    last_modified: str = ""
    received: float = 0.0
    """Unix time."""

    @property
    def conditions(self) -> dict[str, str]:
        """Headers by which the registry answers 304 where the file has not changed; the ETag decides, as in Cargo."""
        if self.etag:
            return {"If-None-Match": self.etag}
        return {"If-Modified-Since": self.last_modified} if self.last_modified else {}

    def is_recent(self, minutes: float) -> bool:
        """Whether an answer that cannot be asked about is taken over: it came less than `minutes` ago."""
        return not self.conditions and 0 <= time.time() - self.received < minutes * 60


def read(folder: Path, url: str) -> CachedAnswer | None:
    """The stored answer for an address; None where there is none that can be read."""
    try:
        return msgspec.msgpack.decode(_path(folder, url).read_bytes(), type=CachedAnswer)
    except (OSError, msgspec.DecodeError):
        return None


def store(folder: Path, url: str, response: httpx.Response, body: bytes) -> None:
    """Keep an answer with its validators."""
    etag, modified = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    answer = CachedAnswer(body, etag, modified, time.time())
    folder.mkdir(parents=True, exist_ok=True)
    write_cache_entry(_path(folder, url), msgspec.msgpack.encode(answer))


def _path(folder: Path, url: str) -> Path:
    return folder / f"{hashlib.sha256(url.encode()).hexdigest()}.msgpack"
