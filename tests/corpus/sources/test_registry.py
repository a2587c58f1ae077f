"""The sparse protocol against a real server on loopback: honest, slow, broken and hostile."""

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rustml.cache_layout import CacheLayout
from rustml.corpus.sources.crate import Crate, CrateRequest, RejectedCrate
from rustml.corpus.sources.http_client import Unavailable
from rustml.corpus.sources.registry import Config, Release, archive_path, choose, index_path, obtain
from rustml.errors import EnvironmentFault
from rustml.profile.harvest import HarvestSection

Reply = tuple[int, dict[str, str], bytes]


class Registry:
    """A sparse registry on loopback: `config.json`, index files with ETags, archives with ranges."""

    def __init__(self) -> None:
        self.index: dict[str, list[dict[str, object]]] = {}
        self.archives: dict[str, bytes] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.trouble: dict[str, list[Callable[[Reply], Reply]]] = {}
        """By path: what happens to the next answers, one entry an answer."""
        self.template = ""
        self._lock = threading.Lock()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def add(self, name: str, version: str, data: bytes, yanked: bool = False, cksum: str = "") -> str:
        digest = cksum or hashlib.sha256(data).hexdigest()
        line = {"name": name, "vers": version, "deps": [], "cksum": digest, "features": {}, "yanked": yanked, "v": 2}
        self.index.setdefault(f"/index/{index_path(name)}", []).append(line)
        self.archives[f"/dl/{name}/{version}/download"] = data
        return digest

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in handler.headers.items()}
        with self._lock:
            self.requests.append((handler.path, headers.get("user-agent", ""), headers))
            trouble = self.trouble.get(handler.path, [])
            spoil = trouble.pop(0) if trouble else None
        status, fields, body = self._honest(handler.path, headers)
        length = len(body)
        if spoil:
            status, fields, body = spoil((status, fields, body))
        fields = {"Content-Length": str(length if spoil and fields.get("lie") else len(body))} | fields
        handler.send_response(status)
        for key, value in fields.items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body)
        if spoil and fields.get("lie"):
            handler.close_connection = True

    def _honest(self, path: str, headers: dict[str, str]) -> Reply:
        if path == "/index/config.json":
            return 200, {}, json.dumps({"dl": self.template or f"{self.url}/dl", "api": self.url}).encode()
        if path in self.index:
            body = b"".join(json.dumps(line).encode() + b"\n" for line in self.index[path])
            etag = f'"{hashlib.sha256(body).hexdigest()}"'
            if headers.get("if-none-match") == etag:
                return 304, {"ETag": etag}, b""
            return 200, {"ETag": etag}, body
        if path in self.archives:
            body = self.archives[path]
            start = int(headers["range"].removeprefix("bytes=").rstrip("-")) if "range" in headers else 0
            if start >= len(body) > 0:
                return 416, {}, b""
            return (206 if start else 200), {}, body[start:]
        return 404, {}, b"no such thing"

    def count(self, prefix: str) -> int:
        return sum(path.startswith(prefix) for path, _, _ in self.requests)


def fail(status: int, **fields: str) -> Callable[[Reply], Reply]:
    return lambda _: (status, dict(fields), b"busy")


def cut(share: float) -> Callable[[Reply], Reply]:
    """Promise the whole length, send a part, close."""
    return lambda reply: (reply[0], reply[1] | {"lie": "yes"}, reply[2][: int(len(reply[2]) * share)])


def swap(body: bytes) -> Callable[[Reply], Reply]:
    return lambda _: (200, {}, body)


@pytest.fixture
def registry() -> Iterator[Registry]:
    served = Registry()
    yield served
    served.server.shutdown()
    served.server.server_close()


@pytest.fixture
def bring(
    registry: Registry, harvest_section: Callable[..., HarvestSection], tmp_path: Path
) -> Callable[..., tuple[list[Crate], list[RejectedCrate]]]:
    def run(*names: str, **changes: object) -> tuple[list[Crate], list[RejectedCrate]]:
        section = harvest_section(registry=f"sparse+{registry.url}/index/", attempts=3, timeout_seconds=5.0, **changes)
        wanted = [CrateRequest(name=name.partition("@")[0], version=name.partition("@")[2]) for name in names]
        return obtain(section, wanted, tmp_path / "cache", lambda _done, _total: None)

    return run


Bring = Callable[..., tuple[list[Crate], list[RejectedCrate]]]


def test_the_newest_stable_version_that_is_not_yanked(registry: Registry, bring: Bring) -> None:
    for version, yanked in [("1.9.0", False), ("1.10.0", False), ("1.11.0", True), ("2.0.0-rc.1", False)]:
        registry.add("serde", version, version.encode(), yanked)
    crates, refused = bring("serde")
    assert [crate.version for crate in crates] == ["1.10.0"]
    assert not refused
    assert Path(crates[0].location).read_bytes() == b"1.10.0"
    assert crates[0].archive_sha256 == hashlib.sha256(b"1.10.0").hexdigest()
    assert crates[0].url == f"{registry.url}/dl/serde/1.10.0/download"


def test_a_pinned_version(registry: Registry, bring: Bring) -> None:
    registry.add("a", "1.0.0", b"old")
    registry.add("a", "2.0.0", b"new")
    registry.add("b", "1.0.0", b"gone", yanked=True)
    crates, refused = bring("a@1.0.0", "b@1.0.0", "a@3.0.0")
    assert [crate.version for crate in crates] == ["1.0.0"]
    assert [(crate.name, crate.reason) for crate in refused] == [("b", "yanked"), ("a", "not_found")]


def test_a_second_run_downloads_nothing(registry: Registry, bring: Bring) -> None:
    names = [f"crate{number}" for number in range(12)]
    for name in names:
        registry.add(name, "1.0.0", name.encode() * 100)
    first, _ = bring(*names)
    assert registry.count("/dl/") == len(names)
    registry.requests.clear()
    second, _ = bring(*names)
    assert second == first
    assert registry.count("/dl/") == 0
    assert all("if-none-match" in headers for path, _, headers in registry.requests if "config" not in path)


def test_every_request_carries_the_user_agent_and_the_web_api_is_never_called(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    bring("abc", user_agent="a harvester; mail me at x@example.org")
    assert {agent for _, agent, _ in registry.requests} == {"a harvester; mail me at x@example.org"}
    assert [path for path, _, _ in registry.requests] == [
        "/index/config.json",
        "/index/3/a/abc",
        "/dl/abc/1.0.0/download",
    ]


def test_busy_servers_are_asked_again(registry: Registry, bring: Bring) -> None:
    registry.add("serde", "1.0.0", b"x")
    registry.trouble["/index/se/rd/serde"] = [fail(429, **{"Retry-After": "0"}), fail(503)]
    registry.trouble["/dl/serde/1.0.0/download"] = [fail(500), fail(504)]
    crates, refused = bring("serde")
    assert [crate.name for crate in crates] == ["serde"]
    assert not refused
    assert Counter(path for path, _, _ in registry.requests)["/dl/serde/1.0.0/download"] == 3


def test_a_broken_download_is_resumed_where_it_broke(registry: Registry, bring: Bring) -> None:
    data = bytes(range(256)) * 2000
    registry.add("serde", "1.0.0", data)
    registry.trouble["/dl/serde/1.0.0/download"] = [cut(0.5)]
    crates, _ = bring("serde")
    assert Path(crates[0].location).read_bytes() == data
    ranges = [headers.get("range") for path, _, headers in registry.requests if path.startswith("/dl/")]
    assert ranges[0] is None
    assert ranges[1] is not None
    assert 0 < int(ranges[1].removeprefix("bytes=").rstrip("-")) < len(data)


def test_a_wrong_archive_once_is_fetched_anew_and_always_is_refused(registry: Registry, bring: Bring) -> None:
    registry.add("good", "1.0.0", b"right")
    registry.add("evil", "1.0.0", b"right too")
    registry.trouble["/dl/good/1.0.0/download"] = [swap(b"wrong")]
    registry.trouble["/dl/evil/1.0.0/download"] = [swap(b"wrong")] * 9
    crates, refused = bring("good", "evil")
    assert [crate.name for crate in crates] == ["good"]
    assert [(crate.name, crate.reason) for crate in refused] == [("evil", "checksum")]


def test_no_wrong_archive_is_left_in_the_cache(registry: Registry, bring: Bring, tmp_path: Path) -> None:
    digest = registry.add("evil", "1.0.0", b"data", cksum="0" * 64)
    bring("evil")
    assert not archive_path(tmp_path / "cache", digest).exists()
    assert not list(CacheLayout(tmp_path / "cache").archives.rglob("*.*"))


def test_what_is_missing_is_refused_and_the_rest_unharmed(registry: Registry, bring: Bring) -> None:
    registry.add("here", "1.0.0", b"x")
    registry.add("nowhere", "1.0.0", b"x")
    del registry.archives["/dl/nowhere/1.0.0/download"]
    crates, refused = bring("absent", "here", "nowhere")
    assert [crate.name for crate in crates] == ["here"]
    assert [(crate.name, crate.reason) for crate in refused] == [("absent", "not_found"), ("nowhere", "http_status")]


def test_a_server_that_stops_answering_is_a_fault_that_keeps_what_arrived(registry: Registry, bring: Bring) -> None:
    registry.add("first", "1.0.0", b"x")
    registry.add("second", "1.0.0", b"y")
    registry.trouble["/dl/second/1.0.0/download"] = [fail(503)] * 3
    with pytest.raises(EnvironmentFault, match=r"1 of 2 crates, the first second.*Run the stage again"):
        bring("first", "second")
    registry.requests.clear()
    crates, _ = bring("first", "second")
    assert len(crates) == 2
    assert registry.count("/dl/") == 1


def test_no_registry_at_the_address(bring: Bring, registry: Registry) -> None:
    registry.trouble["/index/config.json"] = [fail(404)]
    with pytest.raises(Unavailable, match="HTTP 404"):
        bring("a")
    registry.trouble["/index/config.json"] = [swap(b"<html>login</html>")]
    with pytest.raises(Unavailable, match="not a registry configuration"):
        bring("a")


def test_hostile_index_lines_choose_no_path(registry: Registry, bring: Bring, tmp_path: Path) -> None:
    registry.add("evil", "../../../../evil", b"x")
    registry.add("evil", "1.0.0", b"x", cksum="../../../evil".ljust(64, "a"))
    crates, refused = bring("evil")
    assert not crates
    assert [crate.reason for crate in refused] == ["no_stable_version"]
    assert not list(tmp_path.rglob("evil*"))


def test_a_corrupt_index_is_the_crates_own_fault(registry: Registry, bring: Bring) -> None:
    registry.add("good", "1.0.0", b"x")
    registry.add("bad", "1.0.0", b"x")
    registry.trouble["/index/3/b/bad"] = [swap(b"{not json\n")]
    crates, refused = bring("bad", "good")
    assert [crate.name for crate in crates] == ["good"]
    assert refused[0].reason == "index_corrupt"


def test_an_archive_over_the_limit_is_not_read_to_its_end(
    registry: Registry, bring: Bring, harvest_section: Callable[..., HarvestSection]
) -> None:
    limits = harvest_section().limits
    registry.add("big", "1.0.0", bytes((limits.archive_mb << 20) + 1))
    crates, refused = bring("big")
    assert not crates
    assert refused[0].reason == "archive_size"


def test_the_address_template_of_the_index_is_used(registry: Registry, bring: Bring) -> None:
    digest = registry.add("Serde_X", "1.0.0", b"x")
    registry.template = f"{registry.url}/x/{{prefix}}/{{lowerprefix}}/{{crate}}-{{version}}-{{sha256-checksum}}"
    registry.archives[f"/x/Se/rd/se/rd/Serde_X-1.0.0-{digest}"] = b"x"
    crates, _ = bring("Serde_X")
    assert crates[0].url.endswith(f"/x/Se/rd/se/rd/Serde_X-1.0.0-{digest}")


@pytest.mark.parametrize(
    ("name", "path"), [("a", "1/a"), ("ab", "2/ab"), ("abc", "3/a/abc"), ("abcd", "ab/cd/abcd"), ("ABCD", "ab/cd/abcd")]
)
def test_index_paths(name: str, path: str) -> None:
    assert index_path(name) == path


def test_versions_are_compared_as_numbers() -> None:
    found = [Release("a", version, "0" * 64) for version in ("0.9.0", "0.10.0", "0.2.11")]
    chosen = choose(found, CrateRequest(name="a"))
    assert isinstance(chosen, Release)
    assert chosen.vers == "0.10.0"


def test_the_plain_address_form() -> None:
    assert (
        Config("https://x/api/v1/crates").url(Release("a", "1.0.0", "")) == "https://x/api/v1/crates/a/1.0.0/download"
    )
