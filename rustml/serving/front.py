"""The front: one address for clients, a listed set of paths, and an engine behind it that can be swapped.

    with Front(listener, section, key=key, log=AccessLog(path)) as front:
        front.swap(upstream)            # from now on requests go to it
        old = front.swap(newer)         # those in flight end on the old one
        front.drain(old)

It runs on an event loop in a thread of its own. An answer passes through as it is made; a client that leaves ends its
request at the engine; a slow one slows down its own answer alone.
"""

import asyncio
import contextlib
import json
import math
import secrets
import socket
import threading
import time
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

import uvicorn
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from rustml.profile.serve import ServeSection
from rustml.serving import guard
from rustml.serving.access_log import Access, AccessLog
from rustml.serving.guard import Refusal
from rustml.serving.relay import Relay, Route
from rustml.serving.upstream import Upstream

BODY_SECONDS = 30.0
"""Within which a request's body must have come."""
KEEP_ALIVE_SECONDS = 75
"""After which an idle connection is closed: longer than clients keep theirs, so that none sends into a closed one."""
CLOSING_SECONDS = 5.0
"""Beyond the drain, for the thread to end."""

Value = TypeVar("Value")


class Front:
    """A reverse proxy in front of one engine at a time."""

    def __init__(
        self, listener: socket.socket, section: ServeSection, *, log: AccessLog, key: str = "", webhook: str = ""
    ) -> None:
        """`listener` is bound already (rustml.serving.listener); `webhook` is the secret of MLflow's webhook."""
        self.woken = threading.Event()
        """Set by each webhook that is genuine."""
        self._listener, self._section, self._log = listener, section, log
        self._key, self._webhook = key, webhook
        self._route: Route | None = None
        self._in_flight = 0
        self._loop = asyncio.new_event_loop()
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            log_config=None,
            log_level="critical",  # a client that leaves is not an error; the access log has it
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=math.ceil(section.drain_seconds),
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="front", daemon=True)

    def __enter__(self) -> "Front":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Accept nobody any more, let requests in flight end for as long as the profile says, and close."""
        self._server.should_exit = True
        try:
            self._thread.join(self._section.drain_seconds + CLOSING_SECONDS)
        except KeyboardInterrupt:  # asked twice: no more patience
            self._server.force_exit = True
            raise
        finally:
            self._log.close()

    def swap(self, upstream: Upstream) -> Route | None:
        """Send requests to another engine from now on; what they went to before, with its requests in flight."""
        return self._in_loop(self._swap(upstream))

    def drain(self, route: Route) -> bool:
        """Wait until a route that was swapped out has answered; False where `drain_seconds` were not enough."""
        return self._in_loop(route.drain(self._section.drain_seconds))

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # it ends tasks that are left
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self._server.serve(sockets=[self._listener])
        if self._route is not None:
            await self._route.client.aclose()

    def _in_loop(self, work: Coroutine[Any, Any, Value]) -> Value:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _swap(self, upstream: Upstream) -> Route | None:
        old, self._route = self._route, Route(upstream)
        return old

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        access = _access(scope)
        started = time.monotonic()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                access.status, access.first_byte = message["status"], time.monotonic() - started
            access.sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._route_request(scope, receive, counted, access)
        except Refusal as refusal:
            access.ended = "refused" if access.ended == "complete" else access.ended
            if not access.status:
                await _send_error(refusal, access.request, counted)
        except asyncio.CancelledError:
            access.ended = "shut down"
            raise
        finally:
            access.seconds = time.monotonic() - started
            self._log.write(access)

    async def _route_request(self, scope: Scope, receive: Receive, send: Send, access: Access) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        if path == guard.HEALTH:
            return await self._health(send)
        if path == guard.WEBHOOK and self._webhook and scope["method"] == "POST":
            return await self._wake(headers, receive, send, access)
        guard.check_key(headers, self._key)
        guard.check_path(scope["method"], path, self._section.paths)
        if self._in_flight >= self._section.max_requests:
            raise Refusal(429, f"{self._section.max_requests} requests are in flight; try again", "rate_limit_error")
        self._in_flight += 1
        try:
            body = await self._body(headers, receive, access)
            return await self._relay(Relay(scope["method"], path, headers, body, access), receive, send)
        finally:
            self._in_flight -= 1

    async def _relay(self, relay: Relay, receive: Receive, send: Send) -> None:
        route = self._route
        if route is None:
            raise Refusal(503, "the server is starting", "server_error")
        relay.access.version = route.upstream.version
        with route.request():
            try:
                async with asyncio.timeout(self._section.request_seconds):
                    left = not await _before_disconnect(relay.run(route, send), receive)
            except TimeoutError as error:
                relay.access.ended = "too long"
                raise Refusal(504, f"no end within {self._section.request_seconds:g} s", "server_error") from error
        if left:
            relay.access.ended = "client left"

    async def _body(self, headers: Headers, receive: Receive, access: Access) -> bytes:
        length = headers.get("content-length", "0")
        guard.check_size(int(length) if length.isdigit() else 0, self._section.max_request_kb)
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    access.received = len(body)
                    guard.check_size(len(body), self._section.max_request_kb)
                    if not message.get("more_body"):
                        return bytes(body)
        except TimeoutError as error:
            raise Refusal(408, f"the request did not come within {BODY_SECONDS:g} s") from error
        access.ended = "client left"
        raise Refusal(400, "the request broke off")

    async def _health(self, send: Send) -> None:
        healthy = self._route is not None and await self._route.is_healthy()
        await _send_json(200 if healthy else 503, {"status": "ok" if healthy else "unavailable"}, send)

    async def _wake(self, headers: Headers, receive: Receive, send: Send, access: Access) -> None:
        guard.check_webhook(headers, await self._body(headers, receive, access), self._webhook)
        self.woken.set()
        await _send_json(202, {"status": "accepted"}, send)


async def _before_disconnect(work: Coroutine[Any, Any, None], receive: Receive) -> bool:
    """Do the work unless the client leaves first; whether the work was done."""
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(_disconnected(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if tasks[0].done():
            tasks[0].result()
            return True
        return False
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _access(scope: Scope) -> Access:
    client = scope.get("client")
    return Access(secrets.token_hex(8), str(client[0]) if client else "", str(scope["method"]), str(scope["path"]))


async def _send_error(refusal: Refusal, request: str, send: Send) -> None:
    """An error in the form of OpenAI's API."""
    error = {"message": refusal.message, "type": refusal.kind, "param": None, "code": refusal.status}
    retry = [(b"retry-after", b"1")] if refusal.status in (429, 503) else []
    with contextlib.suppress(OSError):
        await _send_json(refusal.status, {"error": error}, send, [*retry, (b"x-request-id", request.encode())])


async def _send_json(status: int, value: object, send: Send, headers: list[tuple[bytes, bytes]] | None = None) -> None:
    body = json.dumps(value).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": own + (headers or [])})
    await send({"type": "http.response.body", "body": body})
