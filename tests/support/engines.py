"""A small OpenAI-like engine behind a Unix socket: it streams its version word by word, as fast as a test lets it."""

import asyncio
import json
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from rustml.serving.upstream import Upstream


class Engine:
    """Answers `{"words": N}` with N words of its version (`size` times), in a stream where `stream` is asked for."""

    def __init__(self, version: str, socket: Path) -> None:
        self.version, self.socket = version, socket
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.begun = self.left = 0
        """Streams that were begun, and those whose client left."""
        self.hold_after: int | None = None
        """Words after which a stream waits for `release`."""
        self.returncode: int | None = None
        """Of its process, as far as the front can tell."""
        self._free = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        routes = [
            Route("/health", lambda _: Response(), methods=["GET"]),
            Route("/{path:path}", self._answer, methods=["GET", "POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes), uds=str(socket), log_config=None, log_level="critical", lifespan="off"
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def upstream(self) -> Upstream:
        log = self.socket.with_name("log")
        log.write_text("out of memory")
        return Upstream(self.version, self.socket, cast(Any, self), log)

    def poll(self) -> int | None:
        """As of the engine's process."""
        return self.returncode

    def release(self) -> None:
        """Let held streams go on."""
        self._loop.call_soon_threadsafe(self._free.set)

    def start(self) -> None:
        self._thread.start()
        while not self.server.started:
            self._thread.join(0.005)

    def stop(self) -> None:
        """End now, whatever is in flight."""
        if self._thread.is_alive():
            self.server.should_exit = self.server.force_exit = True
            self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        await self.server.serve()
        for connection in self.server.server_state.connections:
            connection.transport.abort()  # type: ignore[union-attr]

    async def _answer(self, request: Request) -> Response:
        self.paths.append(request.url.path)
        self.headers.append(dict(request.headers))
        body = await request.body()
        asked = json.loads(body) if body else {}
        self.asked.append(asked)
        if asked.get("stream"):
            return StreamingResponse(self._stream(asked["words"], asked.get("size", 1)), media_type="text/event-stream")
        return JSONResponse({"version": self.version, "words": [self.version] * asked.get("words", 1)})

    async def _stream(self, words: int, size: int) -> AsyncIterator[bytes]:
        self.begun += 1
        ended = False
        try:
            for number in range(words):
                if number == self.hold_after:
                    await self._free.wait()
                yield f"data: {self.version * size}\n\n".encode()
                await asyncio.sleep(0)
            yield b"data: [DONE]\n\n"
            ended = True
        finally:
            self.left += not ended


@contextmanager
def engine(version: str = "1") -> Iterator[Engine]:
    """A running engine; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        running = Engine(version, Path(folder) / "engine.sock")
        running.start()
        try:
            yield running
        finally:
            running.stop()


def words_of(stream: bytes) -> list[str]:
    """The words of a whole stream. Fails for one that is cut."""
    *words, last, empty = stream.decode().replace("data: ", "").split("\n\n")
    assert (last, empty) == ("[DONE]", ""), "the stream was cut"
    return words
