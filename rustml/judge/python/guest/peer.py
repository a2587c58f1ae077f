"""One end of the conversation between tests and candidate: each asks, and answers while it waits for an answer.

This file runs inside the sandbox and imports nothing of rustml.
"""

import threading
from typing import Any

from containers import TAGS, Containers  # type: ignore[import-not-found]
from wire import SCALARS, Channel, pack_data, unpack_data  # type: ignore[import-not-found]


class Peer:
    """Packs, sends, receives and unpacks; what objects are to each side, its subclass says."""

    def __init__(self, channel: Channel, first: int) -> None:
        self._channel, self._containers, self._turn = channel, Containers(first), threading.RLock()

    def pack(self, value: Any) -> Any:
        """`value` for JSON: data as it is, containers as shared ones, all else by `pack_object`."""
        if type(value) in SCALARS:
            return value
        if type(value) in TAGS:
            return self._containers.pack(value, self.pack)
        data = pack_data(value, self.pack)
        return self.pack_object(value) if data is None else data

    def unpack(self, message: Any) -> Any:
        """The value of a message. Raises KeyError, ValueError, TypeError or IndexError for what `pack` never makes."""
        if type(message) in SCALARS:
            return message
        tag, *rest = message
        if tag == "c":
            return self._containers.unpack(rest, self.unpack)
        reader = getattr(self, f"unpack_{tag}", None) if type(tag) is str and tag.isalpha() else None
        return reader(*rest) if reader is not None else unpack_data(tag, rest, self.unpack)

    def pack_object(self, value: Any) -> Any:
        """What is neither data nor a container."""
        raise NotImplementedError

    def aside(self) -> Any:
        """What goes along with every message."""
        raise NotImplementedError

    def take_aside(self, message: Any) -> None:
        """Read what came along with a message."""
        raise NotImplementedError

    def request(self, verb: str, *parts: Any) -> Any:
        """Ask the other side; answer what it asks meanwhile. Raises what the other side answers with."""
        with self._turn:
            self._send("?", verb, *parts)
            while True:
                kind, body = self._receive()
                if kind == "=":
                    return self.unpack(body[0])
                if kind == "!":
                    raise self.raised(self.unpack(body[0]), verb)
                self.answer(body)

    def raised(self, error: Any, verb: str) -> BaseException:  # noqa: ARG002 - a side may tell verbs apart
        """The exception to raise for one that the other side raised."""
        return error if isinstance(error, BaseException) else RuntimeError(str(error))

    def answer(self, body: list[Any]) -> None:
        """Do what is asked, and say what came of it."""
        verb, *parts = body
        try:
            value = getattr(self, f"do_{verb}")(*map(self.unpack, parts))
            self._send("=", value)
        except BaseException as error:
            self.failed(error)
            self._send("!", error.with_traceback(None))

    def failed(self, error: BaseException) -> None:
        """Take note of an exception that goes to the other side."""

    def serve(self) -> None:
        """Answer until the other side is gone."""
        while True:
            self.answer(self._receive()[1])

    def _send(self, kind: str, *parts: Any) -> None:
        changes = self._containers.changes(self.pack)
        forgotten = self._containers.forgotten()
        verb = list(parts[:1]) if kind == "?" else []
        body = [*verb, *(self.pack(part) for part in parts[len(verb) :])]
        self._channel.send([kind, changes, forgotten, self.aside(), body])

    def _receive(self) -> tuple[str, list[Any]]:
        kind, changes, forgotten, aside, body = self._channel.receive()
        self._containers.apply(changes, self.unpack)
        for number in forgotten:
            self._containers.drop(number)
        self.take_aside(aside)
        return kind, body
