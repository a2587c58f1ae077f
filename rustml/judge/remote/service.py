"""The HTTP front of a judge: bounded in size, queue and connections, with health and metrics.

One request is judged at a time; a judge keeps every processor busy with one. Others wait, and beyond `queue` of them a
request is refused with 503 and `Retry-After`: back-pressure, which the client honours.
"""

import hmac
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import Any

import msgspec

from rustml.errors import InputError
from rustml.judge.judging import Judging
from rustml.judge.remote.exchange import HEALTH, JSON, KEY, METRICS, PATH, JudgeFacts, Verdicts
from rustml.records import Candidate

IDLE_SECONDS = 30.0
"""Seconds that a connection may send nothing."""
RETRY_SECONDS = 1


@dataclass(frozen=True)
class ServiceLimits:
    """What callers may ask for."""

    body_bytes: int = 64 << 20
    candidates: int = 4096
    """In one request."""
    queue: int = 16
    """Requests that wait while one is judged."""
    connections: int = 64


@dataclass
class _Counts:
    """What `/metrics` shows."""

    requests: Counter[int] = field(default_factory=Counter)
    """By HTTP status."""
    verdicts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    waiting: int = 0
    """Requests that are judged or wait for it."""
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Refusal(Exception):
    """A request that is answered with a status and a reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class JudgeService(ThreadingHTTPServer):
    """The server. `serve_forever` runs it; closing it leaves the judge open."""

    daemon_threads = True

    def __init__(
        self, judge: Judging, facts: JudgeFacts, address: tuple[str, int], key: str, limits: ServiceLimits
    ) -> None:
        """Listen at `address`, port 0 for a free one. Raises InputError for another machine's reach without a key."""
        require_key(address[0], key)
        self.judge, self.facts, self.limits = judge, facts, limits
        self._key = f"Bearer {key}".encode() if key else b""
        self.counts = _Counts()
        self._turn = threading.Lock()
        self._room = threading.BoundedSemaphore(limits.connections)
        try:
            super().__init__(address, _Handler)
        except OSError as error:
            raise InputError(f"cannot listen at {address[0]}:{address[1]}: {error.strerror}") from error

    @property
    def url(self) -> str:
        """The address by which it is reached."""
        return f"http://{self.server_address[0]!s}:{self.server_port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Handle a connection in a thread of its own, as long as there is room; else close it."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Handle a connection, and give its room back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke off is the client's affair."""

    def admits(self, authorization: str | None) -> bool:
        """Whether a request with this header may ask; the comparison takes the same time for any wrong key."""
        given = (authorization or "").encode("utf-8", "replace")
        return not self._key or hmac.compare_digest(given, self._key)

    def answer(self, body: bytes) -> bytes:
        """Judge a request's candidates. Raises _Refusal."""
        try:
            candidates = msgspec.json.decode(body, type=list[Candidate])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, f"not a list of candidates: {error}") from error
        if len(candidates) > self.limits.candidates:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {self.limits.candidates} candidates")
        with self._place(), self._turn:
            started = time.monotonic()
            verdicts = self.judge.judge(candidates)
        with self.counts.lock:
            self.counts.seconds += time.monotonic() - started
            self.counts.verdicts.update(verdict.status for verdict in verdicts)
        return msgspec.json.encode(Verdicts(verdicts=tuple(verdicts)))

    def _place(self) -> "_Place":
        with self.counts.lock:
            if self.counts.waiting > self.limits.queue:
                raise _Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the queue is full")
            self.counts.waiting += 1
        return _Place(self.counts)

    def metrics(self) -> str:
        """The counts in Prometheus' text form. https://prometheus.io/docs/instrumenting/exposition_formats/"""
        with self.counts.lock:
            lines = ["# TYPE rustml_judge_requests_total counter"]
            lines += [
                f'rustml_judge_requests_total{{code="{code}"}} {n}' for code, n in sorted(self.counts.requests.items())
            ]
            lines.append("# TYPE rustml_judge_verdicts_total counter")
            lines += [
                f'rustml_judge_verdicts_total{{status="{name}"}} {n}'
                for name, n in sorted(self.counts.verdicts.items())
            ]
            lines += ["# TYPE rustml_judge_seconds_total counter", f"rustml_judge_seconds_total {self.counts.seconds}"]
            lines += ["# TYPE rustml_judge_waiting gauge", f"rustml_judge_waiting {self.counts.waiting}"]
        return "\n".join([*lines, ""])


class _Place:
    """A request's place in the queue, given back at the end."""

    def __init__(self, counts: _Counts) -> None:
        self._counts = counts

    def __enter__(self) -> None:
        """The place was taken when it was made."""

    def __exit__(self, *_error: object) -> None:
        with self._counts.lock:
            self._counts.waiting -= 1


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: JudgeService
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        """Health, metrics, and what judges."""
        pages: dict[str, Callable[[], tuple[str, bytes]]] = {
            PATH: lambda: (JSON, msgspec.json.encode(self.server.facts)),
            METRICS: lambda: ("text/plain; version=0.0.4", self.server.metrics().encode()),
        }
        if self.path == HEALTH:
            self._reply(HTTPStatus.OK, JSON, b'{"status":"ok"}')
        elif not self.server.admits(self.headers.get("Authorization")):
            self._refuse(HTTPStatus.UNAUTHORIZED, f"the key of the header Authorization is wrong; see {KEY}")
        elif self.path in pages:
            self._reply(HTTPStatus.OK, *pages[self.path]())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        """Judge candidates."""
        try:
            self._reply(HTTPStatus.OK, JSON, self.server.answer(self._body()))
        except _Refusal as refusal:
            self._refuse(refusal.status, str(refusal))
        except Exception as error:  # the judge's own fault: the client asks again, and no candidate pays for it
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"the judge failed: {type(error).__name__}")
            raise

    def _body(self) -> bytes:
        if not self.server.admits(self.headers.get("Authorization")):
            raise _Refusal(HTTPStatus.UNAUTHORIZED, f"the key of the header Authorization is wrong; see {KEY}")
        if self.path != PATH:
            raise _Refusal(HTTPStatus.NOT_FOUND, "no such page")
        if self.headers.get_content_type() != JSON:  # what a foreign web page can send without asking
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the body has to be {JSON}")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()):
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "the request needs a Content-Length")
        if int(length[:20]) > self.server.limits.body_bytes:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {self.server.limits.body_bytes} bytes")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise _Refusal(HTTPStatus.BAD_REQUEST, "the body broke off")
        return body

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        self.close_connection = True  # what is left of the body is not read
        self._reply(status, JSON, msgspec.json.encode({"error": reason}))

    def _reply(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        with self.server.counts.lock:
            self.server.counts.requests[int(status)] += 1
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", str(RETRY_SECONDS))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: `/metrics` counts."""


def require_key(host: str, key: str) -> None:
    """Raises InputError where other machines could reach a server at `host` that asks for no key."""
    if not key and not _is_loopback(host):
        raise InputError(f"{host} can be reached from other machines: set {KEY}, or serve at 127.0.0.1")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
