"""One request on its way to an engine and back, and the engine with its requests in flight."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import httpx
from starlette.datastructures import Headers
from starlette.types import Send

from rustml.serving.access_log import Access
from rustml.serving.guard import HEALTH, Refusal
from rustml.serving.upstream import Upstream

PASSED_ON = ("content-type", "accept")
"""Headers that an engine gets: neither the key nor a cookie."""
PASSED_BACK = ("content-type", "content-length", "retry-after")
CONNECT_SECONDS = 5.0


class Route:
    """An engine that requests are sent to. Belongs to the front's event loop."""

    def __init__(self, upstream: Upstream) -> None:
        self.upstream = upstream
        # No connection is used twice: one that the engine is about to close would lose a request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
        transport = httpx.AsyncHTTPTransport(uds=str(upstream.socket), limits=limits)
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        self.client = httpx.AsyncClient(transport=transport, trust_env=False, timeout=timeout)
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts a request as in flight."""
        self._in_flight += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._in_flight -= 1
            if not self._in_flight:
                self._idle.set()

    async def drain(self, seconds: float) -> bool:
        """Wait until no request is in flight, and close; False where that took longer."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), seconds)
        drained = self._idle.is_set()
        await self.client.aclose()
        return drained

    async def is_healthy(self) -> bool:
        """Whether the engine says so of itself."""
        try:
            return (await self.client.get(f"http://engine{HEALTH}", timeout=CONNECT_SECONDS)).is_success
        except httpx.HTTPError:
            return False


@dataclass
class Relay:
    """A request that was let in."""

    method: str
    path: str
    headers: Headers
    body: bytes
    access: Access

    async def run(self, route: Route, send: Send) -> None:
        """Pass the request on and the answer back as it comes.

        Raises Refusal 502 where the engine breaks off. Where part of the answer is sent already, the connection is to
        be closed before the answer's end, so that no client takes it for whole.
        """
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        headers |= {"x-request-id": self.access.request, "accept-encoding": "identity"}
        request = route.client.build_request(
            self.method, f"http://engine{self.path}", headers=headers, content=self.body
        )
        try:
            response = await route.client.send(request, stream=True)
            try:
                await self._pass_back(response, send)
            finally:
                await response.aclose()
        except httpx.HTTPError as error:
            self.access.ended = "server broke off"
            raise Refusal(502, "the engine broke off", "server_error") from error

    async def _pass_back(self, response: httpx.Response, send: Send) -> None:
        own = {"x-request-id": self.access.request, "x-rustml-version": self.access.version}
        headers = {**{name: response.headers[name] for name in PASSED_BACK if name in response.headers}, **own}
        raw = [(name.encode(), text.encode()) for name, text in headers.items() if text]
        await send({"type": "http.response.start", "status": response.status_code, "headers": raw})
        async for chunk in response.aiter_raw():
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
