"""The sparse protocol against a real server on loopback: honest, slow, broken and hostile."""

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from rustml.cache_layout import CacheLayout
from rustml.corpus.sources.crate import CrateRequest
from rustml.corpus.sources.pace import Unavailable
from rustml.corpus.sources.registry import Config, Release, archive_path, choose, index_path
from rustml.errors import EnvironmentFault
from rustml.profile.harvest import HarvestSection
from tests.corpus.sources.conftest import Bring
from tests.support.loopback_registry import Registry, cut, fail, late, serving, swap


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
    assert all("if-none-match" in seen.headers for seen in registry.requests if "config" not in seen.path)


def test_every_request_carries_the_user_agent_and_the_web_api_is_never_called(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    bring("abc", user_agent="a harvester; mail me at x@example.org")
    assert {request.agent for request in registry.requests} == {"a harvester; mail me at x@example.org"}
    assert [request.path for request in registry.requests] == [
        "/index/config.json",
        "/index/3/a/abc",
        "/dl/abc/1.0.0/download",
    ]


def test_busy_servers_are_asked_again(registry: Registry, bring: Bring) -> None:
    registry.add("serde", "1.0.0", b"x")
    registry.trouble["/index/se/rd/serde"] = [fail(429, Retry_After="0"), fail(503)]
    registry.trouble["/dl/serde/1.0.0/download"] = [fail(500), fail(504)]
    crates, refused = bring("serde")
    assert [crate.name for crate in crates] == ["serde"]
    assert not refused
    assert Counter(request.path for request in registry.requests)["/dl/serde/1.0.0/download"] == 3


def test_a_broken_download_is_resumed_where_it_broke(registry: Registry, bring: Bring) -> None:
    data = bytes(range(256)) * 2000
    registry.add("serde", "1.0.0", data)
    registry.trouble["/dl/serde/1.0.0/download"] = [cut(0.5)]
    crates, _ = bring("serde")
    assert Path(crates[0].location).read_bytes() == data
    ranges = [seen.headers.get("range") for seen in registry.requests if seen.path.startswith("/dl/")]
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
    registry.add("nowhere", "1.0.0", b"y")
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


@pytest.mark.parametrize("marker", ["{checksum}", "{CRATE}", "{}"])
def test_an_unknown_marker_in_the_address_template_is_named(marker: str, registry: Registry, bring: Bring) -> None:
    registry.template = f"{registry.url}/{{crate}}/{marker}"
    with pytest.raises(
        Unavailable, match=rf"config\.json: dl holds the unknown marker {re.escape(marker)}; there are "
    ):
        bring("abc")
    assert len(registry.requests) == 1


def test_a_password_in_the_address_template_is_not_taken_into_records(registry: Registry, bring: Bring) -> None:
    registry.template = registry.url.replace("//", "//me:secret@")
    with pytest.raises(Unavailable, match="dl holds a name or password") as caught:
        bring("abc")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("body", "reason", "detail"),
    [
        (
            b'{"name": "bad"}\n{"name": "bad", "vers": "' + b"1" * (10 << 20) + b'"}\n',
            "index_line",
            "line 2 .* 10.0 MiB",
        ),
        (b'{"name": "evil", "vers": "1.0.0", "cksum": "00"}\n', "index_foreign", "names 'evil' instead"),
        (b"\xff\xfe\n", "index_corrupt", "line 1"),
        (b"[" * 100_000, "index_corrupt", "line 1"),
    ],
    ids=["a line of 10 MB", "another crate", "not text", "nested without end"],
)
def test_a_bad_index_file_rejects_its_crate_in_one_line(
    body: bytes, reason: str, detail: str, registry: Registry, bring: Bring
) -> None:
    registry.add("good", "1.0.0", b"x")
    registry.add("bad", "1.0.0", b"x")
    if reason == "index_line":
        body = body.replace(b'{"name": "bad"}', b'{"name": "bad", "vers": "1.0.0", "cksum": "00"}')
    registry.trouble["/index/3/b/bad"] = [swap(body)]
    crates, (rejected,) = bring("bad", "good")
    assert [crate.name for crate in crates] == ["good"]
    assert rejected.reason == reason
    assert re.search(detail, rejected.detail)
    assert "\n" not in rejected.detail


def test_a_mirror_that_sends_another_crate_is_asked_twice_and_named(registry: Registry, bring: Bring) -> None:
    registry.add("good", "1.0.0", b"x")
    registry.add("evil", "1.0.0", b"the archive of the index")
    path = "/dl/evil/1.0.0/download"
    registry.trouble[path] = [swap(b"the archive of another crate")] * 9
    crates, (rejected,) = bring("evil", "good", attempts=5)
    assert [crate.name for crate in crates] == ["good"]
    assert rejected.reason == "checksum"
    assert rejected.detail.startswith(f"{registry.url}{path} sends another archive: SHA-256 ")
    assert registry.count(path) == 2


def test_a_redirected_archive_keeps_the_address_as_asked(registry: Registry, bring: Bring) -> None:
    data = bytes(range(256)) * 2000
    registry.add("abc", "1.0.0", data)
    with serving() as store:
        store.archives["/signed"] = data
        store.trouble["/signed?key=secret"] = [cut(0.5)]
        store.archives["/signed?key=secret"] = data
        registry.redirects["/dl/abc/1.0.0/download"] = f"http://localhost:{store.port}/signed?key=secret"
        crates, _ = bring("abc")
        assert [seen.headers.get("range") is None for seen in store.requests] == [True, False], "resumed there"
    assert crates[0].url == f"{registry.url}/dl/abc/1.0.0/download"
    assert Path(crates[0].location).read_bytes() == data


def test_a_refusal_after_a_redirect_does_not_name_its_address(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.redirects["/dl/abc/1.0.0/download"] = f"{registry.url}/signed?key=secret"
    _, (rejected,) = bring("abc")
    assert rejected.reason == "http_status"
    assert "secret" not in rejected.detail


@pytest.mark.parametrize("target", ["/dl/bad/1.0.0/download", "ftp://host/file"])
def test_a_redirect_that_leads_nowhere_rejects_its_crate(target: str, registry: Registry, bring: Bring) -> None:
    registry.add("good", "1.0.0", b"x")
    registry.add("bad", "1.0.0", b"y")
    registry.redirects["/dl/bad/1.0.0/download"] = target
    crates, (rejected,) = bring("bad", "good")
    assert [crate.name for crate in crates] == ["good"]
    assert rejected.reason == "http_answer"


def test_a_slow_answer_is_a_fault_after_its_attempts(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.trouble["/dl/abc/1.0.0/download"] = [late(0.5)] * 2
    with pytest.raises(EnvironmentFault, match=r"1 of 1 crates, the first abc \(.*ReadTimeout"):
        bring("abc", attempts=2, timeout_seconds=0.1)


@pytest.mark.parametrize(
    ("name", "path"), [("a", "1/a"), ("ab", "2/ab"), ("abc", "3/a/abc"), ("abcd", "ab/cd/abcd"), ("ABCD", "ab/cd/abcd")]
)
def test_index_paths(name: str, path: str) -> None:
    assert index_path(name) == path


def test_versions_are_compared_as_numbers() -> None:
    releases = [Release("a", version, "0" * 64) for version in ("0.9.0", "0.10.0", "0.2.11")]
    chosen = choose(releases, CrateRequest(name="a"))
    assert isinstance(chosen, Release)
    assert chosen.vers == "0.10.0"


def test_the_plain_address_form() -> None:
    assert (
        Config("https://x/api/v1/crates").url(Release("a", "1.0.0", "")) == "https://x/api/v1/crates/a/1.0.0/download"
    )
