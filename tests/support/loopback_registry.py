"""A sparse registry on loopback, with or without validators, login and redirects, whose answers a test can spoil."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

from rustml.corpus.sources.registry import index_path

Reply = tuple[int, dict[str, str], bytes]
MODIFIED = "Wed, 21 Oct 2015 07:28:00 GMT"


class Request(NamedTuple):
    """What the server saw of a request."""

    path: str
    agent: str
    headers: dict[str, str]
    started: float
    """On the monotonic clock."""


class Registry:
    """`config.json`, index files, archives with ranges."""

    def __init__(self) -> None:
        self.index: dict[str, list[dict[str, object]]] = {}
        self.archives: dict[str, bytes] = {}
        self.requests: list[Request] = []
        self.trouble: dict[str, list[Callable[[Reply], Reply]]] = {}
        """By path: what happens to the next answers, one entry an answer."""
        self.redirects: dict[str, str] = {}
        """By path: the address that it leads to."""
        self.template = ""
        self.api: str | None = None
        self.validator = "ETag"
        """`ETag`, `Last-Modified`, or nothing."""
        self.token = ""
        """What every request has to carry; nothing where no login is asked for."""
        self.announces_login = True
        """Whether `config.json` itself needs the token, else it is open and says `auth-required`."""
        self.seconds = 0.0
        """How long each answer takes."""
        self.at_once = 0
        """The most requests that were being answered at one time."""
        self._now = 0
        self._lock = threading.Lock()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def add(self, name: str, version: str, data: bytes, yanked: bool = False, cksum: str = "") -> str:
        digest = cksum or hashlib.sha256(data).hexdigest()
        line = {"name": name, "vers": version, "deps": [], "cksum": digest, "features": {}, "yanked": yanked, "v": 2}
        self.index.setdefault(f"/index/{index_path(name)}", []).append(line)
        self.archives[f"/dl/{name}/{version}/download"] = data
        return digest

    def count(self, prefix: str) -> int:
        return sum(request.path.startswith(prefix) for request in self.requests)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {key.lower(): value for key, value in handler.headers.items()}
        with self._lock:
            self.requests.append(Request(handler.path, headers.get("user-agent", ""), headers, time.monotonic()))
            self._now += 1
            self.at_once = max(self.at_once, self._now)
            trouble = self.trouble.get(handler.path, [])
            spoil = trouble.pop(0) if trouble else None
        time.sleep(self.seconds)
        with self._lock:
            self._now -= 1
        self._send(handler, self._reply(handler.path, headers), spoil)

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply, spoil: Callable[[Reply], Reply] | None) -> None:
        length = len(reply[2])
        status, fields, body = spoil(reply) if spoil else reply
        lie = fields.pop("lie", "")
        handler.send_response_only(status)  # without a date of its own
        for key, value in ({"Content-Length": str(length if lie else len(body))} | fields).items():
            handler.send_header(key, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = handler.close_connection or bool(lie)

    def _reply(self, path: str, headers: dict[str, str]) -> Reply:
        is_open = path == "/index/config.json" and not self.announces_login
        if self.token and not is_open and headers.get("authorization") != self.token:
            return 401, {"WWW-Authenticate": 'Cargo login_url="https://example.org/me"'}, b"log in"
        if path in self.redirects:
            return 302, {"Location": self.redirects[path]}, b""
        if path == "/index/config.json":
            return 200, {}, json.dumps(self._config()).encode()
        if path in self.index:
            return self._index_file(path, headers)
        return self._archive(path, headers) if path in self.archives else (404, {}, b"no such thing")

    def _config(self) -> dict[str, object]:
        login: dict[str, object] = {"auth-required": True} if self.token else {}
        api: dict[str, object] = {} if self.api is None else {"api": self.api}
        return {"dl": self.template or f"{self.url}/dl"} | api | login

    def _index_file(self, path: str, headers: dict[str, str]) -> Reply:
        body = b"".join(json.dumps(line).encode() + b"\n" for line in self.index[path])
        validators = {"ETag": f'"{hashlib.sha256(body).hexdigest()}"', "Last-Modified": MODIFIED}
        value = validators.get(self.validator, "")
        asked = headers.get("if-none-match" if self.validator == "ETag" else "if-modified-since")
        fields = {self.validator: value} if value else {}
        return (304, fields, b"") if value and asked == value else (200, fields, body)

    def _archive(self, path: str, headers: dict[str, str]) -> Reply:
        body = self.archives[path]
        start = int(headers["range"].removeprefix("bytes=").rstrip("-")) if "range" in headers else 0
        if start >= len(body) > 0:
            return 416, {}, b""
        return (206 if start else 200), {}, body[start:]


@contextmanager
def serving() -> Iterator[Registry]:
    """A registry that ends with the block."""
    registry = Registry()
    try:
        yield registry
    finally:
        registry.close()


def fail(status: int, **fields: str) -> Callable[[Reply], Reply]:
    return lambda _: (status, {name.replace("_", "-"): value for name, value in fields.items()}, b"busy")


def cut(share: float) -> Callable[[Reply], Reply]:
    """Promise the whole length, send a part, close."""
    return lambda reply: (reply[0], reply[1] | {"lie": "yes"}, reply[2][: int(len(reply[2]) * share)])


def swap(body: bytes) -> Callable[[Reply], Reply]:
    return lambda _: (200, {}, body)


def late(seconds: float) -> Callable[[Reply], Reply]:
    """Answer so much later."""

    def wait(reply: Reply) -> Reply:
        time.sleep(seconds)
        return reply

    return wait
