"""Values between the process that knows the tests and the process that holds the candidate.

Only plain data travels, in one canonical form; everything else stays where it is and travels as a handle. What
arrives is data of the built-in types whatever the other side sends: no class of the candidate, and so no equality,
hash or truth value that it defines, ever meets an assertion.

This file runs inside the sandbox and imports nothing of rustml.
"""

import collections
import datetime
import decimal
import fractions
import json
import math
import os
import sys
from typing import Any

LARGEST = 1 << 26
"""Bytes of one message."""
sys.set_int_max_str_digits(0)

_SEQUENCES: dict[str, Any] = {"l": list, "t": tuple, "s": set, "fs": frozenset, "dq": collections.deque}
_MAPPINGS = {"d": dict, "od": collections.OrderedDict, "c": collections.Counter}
_TYPES: dict[str, Any] = {
    kind.__name__: kind for kind in (int, str, float, bool, list, tuple, dict, set, frozenset, bytes, complex)
}
_TEXTS = {"D": decimal.Decimal, "F": fractions.Fraction}
_MOMENTS: dict[str, Any] = {"dt": datetime.datetime, "da": datetime.date, "ti": datetime.time}


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """Length-prefixed JSON over two descriptors."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd

    def send(self, message: Any) -> None:
        """Send one message."""
        body = json.dumps(message).encode("ascii")
        view = memoryview(len(body).to_bytes(4, "little") + body)
        while view:
            view = view[os.write(self._write_fd, view) :]

    def receive(self) -> Any:
        """The next message. Raises Closed when there is none, ValueError when it is too long or not JSON."""
        size = int.from_bytes(self._exactly(4), "little")
        if size > LARGEST:
            raise ValueError("the message is too long")
        return json.loads(self._exactly(size))

    def _exactly(self, size: int) -> bytes:
        pieces = []
        while size:
            piece = os.read(self._read_fd, min(size, 1 << 20))
            if not piece:
                raise Closed
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def encode(value: Any, keep: "collections.abc.Callable[[Any], int]") -> list[Any]:  # noqa: PLR0911 - one line per kind
    """`value` as JSON; `keep` stores what is not plain data and returns its number."""
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return ["v", value] if kind is not str else ["u", value]
    if kind is int:
        return ["i", hex(value)]
    if kind is float:
        return ["f", value.hex() if math.isfinite(value) else repr(value)]
    if kind is complex:
        return ["z", encode(value.real, keep), encode(value.imag, keep)]
    if kind in (bytes, bytearray):
        return ["b" if kind is bytes else "ba", value.hex()]
    if kind is range:
        return ["r", value.start, value.stop, value.step]
    return _encode_container(value, kind, keep)


def _encode_container(value: Any, kind: type, keep: "collections.abc.Callable[[Any], int]") -> list[Any]:  # noqa: PLR0911 - one line per kind
    for tag, container in _SEQUENCES.items():
        if kind is container or (container is tuple and isinstance(value, tuple)):
            return [tag, [encode(item, keep) for item in value]]
    kind = dict if kind is collections.defaultdict else kind
    for tag, container in _MAPPINGS.items():
        if kind is container:
            return [tag, [[encode(key, keep), encode(entry, keep)] for key, entry in value.items()]]
    for tag, simple in _TEXTS.items():
        if kind is simple:
            return [tag, str(value)]
    for tag, moment in _MOMENTS.items():
        if kind is moment:
            return [tag, value.isoformat()]
    data: Any = value
    if isinstance(value, (collections.abc.Iterator, type({}.keys()), type({}.values()), type({}.items()))):
        return ["it", [encode(data_item, keep) for data_item in iter(data)]]
    if isinstance(data, type) and any(data is listed for listed in _TYPES.values()):
        return ["ty", data.__name__]
    return ["h", keep(value), callable(value)]


def decode(message: Any, handle: "collections.abc.Callable[[int, bool], Any]") -> Any:  # noqa: PLR0911 - one line per kind
    """The value of a message; `handle` makes what stands for a thing that stayed on the other side.

    Raises ValueError, KeyError or TypeError for what `encode` never makes.
    """
    tag, *rest = message
    if tag in ("v", "u"):
        if rest[0] is not None and type(rest[0]) is not (str if tag == "u" else bool):
            raise ValueError(tag)
        return rest[0]
    if tag == "i":
        return int(rest[0], 16)
    if tag == "f":
        return float.fromhex(rest[0])
    if tag == "z":
        return complex(decode(rest[0], handle), decode(rest[1], handle))
    if tag in ("b", "ba"):
        return (bytes if tag == "b" else bytearray).fromhex(rest[0])
    if tag == "r":
        return range(*map(int, rest))
    return _decode_container(tag, rest, handle)


def _decode_container(tag: str, rest: list[Any], handle: "collections.abc.Callable[[int, bool], Any]") -> Any:  # noqa: PLR0911 - one line per kind
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](decode(item, handle) for item in rest[0])
    if tag in _MAPPINGS:
        return _MAPPINGS[tag]({decode(key, handle): decode(item, handle) for key, item in rest[0]})
    if tag in _TEXTS:
        return _TEXTS[tag](rest[0])
    if tag in _MOMENTS:
        return _MOMENTS[tag].fromisoformat(rest[0])
    if tag == "it":
        return iter([decode(item, handle) for item in rest[0]])
    if tag == "ty":
        return _TYPES[rest[0]]
    if tag == "h":
        return handle(int(rest[0]), bool(rest[1]))
    raise ValueError(tag)
