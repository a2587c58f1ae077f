"""When the next request to a host may start: intervals, and the waits that servers ask for."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from rustml.errors import EnvironmentFault

LONGEST_WAIT = 120.0
"""Seconds; a server that asks for a longer wait counts as unavailable."""


class Unavailable(EnvironmentFault):
    """A server did not answer, or its answer breaks the protocol."""


class Pace:
    """Keeps the starts of requests to one host apart. Redirects and retries count as requests."""

    def __init__(self, api_seconds: float, static_seconds: float) -> None:
        self._seconds = {True: api_seconds, False: static_seconds}
        self._api_hosts: set[str] = set()
        self._last: dict[str, float] = {}
        self._held: dict[str, float] = {}

    def is_api(self, host: str) -> None:
        """Take a host for one that answers an API, which is asked less often than static files."""
        self._api_hosts.add(host)

    def hold(self, host: str, seconds: float) -> None:
        """Start no request to a host for so long."""
        self._held[host] = max(self._held.get(host, 0.0), asyncio.get_running_loop().time() + seconds)

    async def turn(self, request: httpx.Request) -> None:
        """Wait until a request may start. Raises Unavailable where its host asked for a wait that is too long."""
        loop, host = asyncio.get_running_loop(), request.url.host
        # The first to wake takes the turn; the others see that when they look again.
        while (wait := self._start(host) - loop.time()) > 0:
            if wait > LONGEST_WAIT and self._held.get(host, 0.0) > loop.time() + LONGEST_WAIT:
                raise Unavailable(f"{host} asks to be left alone for {wait:.0f} s; run the stage again after that")
            await asyncio.sleep(wait)
        self._last[host] = loop.time()

    def _start(self, host: str) -> float:
        """The earliest start of the next request to a host, on the loop's clock."""
        after_last = self._last[host] + self._seconds[host in self._api_hosts] if host in self._last else 0.0
        return max(after_last, self._held.get(host, 0.0))


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait, given as seconds or as a date (RFC 9110, 10.2.3); None where it does not.

    A date is read against the server's own clock where the answer tells it.
    """
    text = response.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _date(text)
    if until is None:
        return None
    now = _date(response.headers.get("date", "")) or datetime.now(UTC)
    return max((until - now).total_seconds(), 0.0)


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, IndexError, TypeError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
