"""A server on loopback that plays an OpenAI-compatible API."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any

from tests.support.loopback_http import JSON, Handler

VARIABLE, KEY = "SERVER_TEST_KEY", "sk-test-9876543210-secret"
"""The variable of the environment that holds the key of every such server, and the key."""
Play = Callable[[int, dict[str, Any]], tuple[int, str]]
"""What the server answers to the n-th request with this body: status, and text of the reply."""


class Api(ThreadingHTTPServer):
    """Plays an OpenAI-compatible server on loopback, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, play: Play) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.play, self.lock = play, threading.Lock()
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.paths: list[str] = []
        self.models: tuple[int, str] = (404, "{}")
        """Status and text of the reply to a question for the list of models."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class _Handler(Handler):
    server: Api

    def do_POST(self) -> None:
        body = json.loads(self.content())
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.keys.append(self.headers["Authorization"])
            self.server.paths.append(self.path)
            number = len(self.server.bodies)
        self._send(*self.server.play(number, body))

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.paths.append(self.path)
            self.server.keys.append(self.headers["Authorization"])
        self._send(*self.server.models)

    def _send(self, status: int, text: str) -> None:
        self.reply(status, text.encode(), {**JSON, "Retry-After-Ms": "1"})


def chat_reply(text: str | None, finish: str = "stop") -> str:
    """A chat reply and a raw completion in one: each endpoint reads its own field."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "text": text, "finish_reason": finish}
    return json.dumps({"id": "1", "object": "x", "created": 1, "model": "m", "choices": [choice]})


@contextmanager
def serving() -> Iterator[Callable[[Play], Api]]:
    """`start(play)` starts a server; all of them end with the block."""
    started: list[Api] = []

    def start(play: Play) -> Api:
        api = Api(play)
        threading.Thread(target=api.serve_forever, args=(0.01,), daemon=True).start()
        started.append(api)
        return api

    try:
        yield start
    finally:
        for api in started:
            api.shutdown()
            api.server_close()
