"""At most so many requests at once, so far apart, and as late as the server asks."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rustml.corpus.sources import pace
from rustml.corpus.sources.pace import Pace, Unavailable, retry_after
from rustml.errors import EnvironmentFault
from tests.corpus.sources.conftest import Bring
from tests.support.loopback_registry import Registry, fail, serving

NAMES = [f"crate{number}" for number in range(8)]
SLACK = 0.1
"""Seconds by which the first request may come late to a busy server's clock."""


def filled(registry: Registry) -> None:
    for name in NAMES:
        registry.add(name, "1.0.0", name.encode())


def are_apart(registry: Registry, seconds: float, count: int) -> bool:
    """Whether the server saw so many requests, from the first to the last over as many intervals."""
    starts = sorted(request.started for request in registry.requests)
    assert len(starts) == count
    return starts[-1] - starts[0] > (count - 1) * seconds - SLACK


def test_no_more_than_the_connections_at_once(registry: Registry, bring: Bring) -> None:
    filled(registry)
    registry.seconds = 0.05
    bring(*NAMES, connections=3)
    assert 1 < registry.at_once <= 3


def test_a_host_with_an_api_is_asked_at_intervals_and_a_static_one_is_not(registry: Registry, bring: Bring) -> None:
    filled(registry)
    registry.api = registry.url
    bring(*NAMES[:3], connections=4, interval_seconds=0.08, static_interval_seconds=0.0)
    assert are_apart(registry, 0.08, count=7)
    registry.requests.clear()
    registry.api = "https://api.example"
    bring(*NAMES[3:], connections=4, interval_seconds=60.0, static_interval_seconds=0.0)
    assert len(registry.requests) == 11


def test_the_interval_of_static_hosts_counts_each_host_by_itself(registry: Registry, bring: Bring) -> None:
    filled(registry)
    with serving() as archives:
        archives.archives = registry.archives
        registry.template = f"http://localhost:{archives.port}/dl"
        bring(*NAMES[:3], static_interval_seconds=0.12)
        assert are_apart(registry, 0.12, count=4)
        assert are_apart(archives, 0.12, count=3)


def test_redirects_and_retries_keep_the_interval(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.archives["/elsewhere"] = b"x"
    registry.redirects["/dl/abc/1.0.0/download"] = f"{registry.url}/elsewhere"
    registry.trouble["/elsewhere"] = [fail(503)]
    crates, _ = bring("abc", static_interval_seconds=0.08)
    assert len(crates) == 1
    assert are_apart(registry, 0.08, count=6)


def test_a_server_that_asks_for_a_wait_is_left_alone_by_every_request(registry: Registry, bring: Bring) -> None:
    filled(registry)
    registry.trouble["/index/cr/at/crate0"] = [fail(429, Retry_After="1")]
    crates, _ = bring(*NAMES, connections=1)
    assert len(crates) == len(NAMES)
    (busy,) = (n for n, request in enumerate(registry.requests) if request.path == "/index/cr/at/crate0" and n < 3)
    later = [request.started - registry.requests[busy].started for request in registry.requests[busy + 1 :]]
    assert min(later) >= 1


def test_a_date_is_waited_for_on_the_servers_own_clock(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    clock = datetime(2031, 5, 1, tzinfo=UTC)
    until = format_datetime(clock + timedelta(seconds=1), usegmt=True)

    def busy(_: object) -> tuple[int, dict[str, str], bytes]:
        return 503, {"Retry-After": until, "Date": format_datetime(clock, usegmt=True)}, b""

    registry.trouble["/index/3/a/abc"] = [busy]
    before = time.monotonic()
    crates, _ = bring("abc")
    assert len(crates) == 1
    assert time.monotonic() - before >= 1


def test_a_wait_that_is_too_long_ends_the_harvest_at_once(registry: Registry, bring: Bring) -> None:
    registry.add("abc", "1.0.0", b"x")
    registry.trouble["/index/3/a/abc"] = [fail(429, Retry_After="7200")]
    with pytest.raises(EnvironmentFault, match=r"left alone for 7200 s; run the stage again"):
        bring("abc")
    assert registry.count("/index/3/a/abc") == 1


@given(st.text())
@example("²")
def test_any_other_retry_after_is_none(text: str) -> None:
    waits = [retry_after(httpx.Response(429, headers=[(b"retry-after", text.encode("utf-8", "replace"))]))]
    assert all(wait is None or wait >= 0 for wait in waits)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("5", 5.0), ("0", 0.0), ("Wed, 01 Jan 2020 00:00:30 GMT", 30.0), ("Tue, 31 Dec 2019 00:00:00 GMT", 0.0),
     ("soon", None), ("-5", None), ("", None), ("Wed, 99 Jan 2020", None)],
)  # fmt: skip
def test_both_forms_of_retry_after(text: str, seconds: float | None) -> None:
    answer = httpx.Response(429, headers={"Retry-After": text, "Date": "Wed, 01 Jan 2020 00:00:00 GMT"})
    assert retry_after(answer) == seconds


def test_requests_that_wait_together_do_not_start_together() -> None:
    starts: list[float] = []

    async def one(kept: Pace) -> None:
        await kept.turn(httpx.Request("GET", "http://host/"))
        starts.append(asyncio.get_running_loop().time())

    async def several() -> None:
        kept = Pace(60.0, 0.03)
        kept.hold("host", 0.05)
        await asyncio.gather(*(one(kept) for _ in range(4)))

    asyncio.run(several())
    assert min(after - before for before, after in pairwise(starts)) >= 0.03


def test_an_interval_longer_than_the_longest_wait_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "LONGEST_WAIT", 0.01)

    async def twice() -> None:
        kept = Pace(0.05, 0.05)
        for _ in range(2):
            await kept.turn(httpx.Request("GET", "http://host/"))
        kept.hold("host", 5.0)
        with pytest.raises(Unavailable):
            await kept.turn(httpx.Request("GET", "http://host/"))

    asyncio.run(twice())
