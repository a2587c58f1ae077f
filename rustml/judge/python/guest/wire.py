"""Values between the process that knows the tests and the process that holds the candidate.

Plain data travels and is rebuilt from JSON as the standard library's own types alone: no
equality, hash or truth value that a candidate defines ever meets an assertion by way of data. What is not data is the
business of `peer`.

This file runs inside the sandbox and imports nothing of rustml.
"""

import builtins
import json
import os
import sys
from collections.abc import Callable
from typing import Any

LARGEST = 1 << 26
"""Bytes of one message."""
SCALARS = frozenset({int, float, str, bool, type(None)})
"""What JSON carries as it is: numbers keep their type, and texts their lone surrogates."""
SINGLE = {"NotImplemented": NotImplemented, "Ellipsis": Ellipsis}
HARMLESS = frozenset({
    "abc", "bisect", "builtins", "collections", "collections.abc", "copy", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "heapq", "itertools", "json", "json.decoder", "math", "numbers", "operator", "random",
    "re", "statistics", "string", "typing",
})  # fmt: skip
"""Modules of the standard library of which the tests use their own copy where a candidate names a function of one."""
sys.set_int_max_str_digits(0)
Pack = Callable[[Any], Any]
_WHOLE = slice(None)
COPIES: dict[type, Any] = {
    int: int.__int__,
    float: float.__float__,
    str: lambda value: str.__getitem__(value, _WHOLE),
    bytes: lambda value: bytes.__getitem__(value, _WHOLE),
    tuple: lambda value: tuple(tuple.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    complex: lambda value: complex.__add__(value, 0j),
}
"""The data in a value of a derived class, by the base's own means."""


class Closed(Exception):
    """The other side is gone."""


class Channel:
    """Length-prefixed JSON over two descriptors."""

    def __init__(self, read_fd: int, write_fd: int) -> None:
        self._read_fd, self._write_fd = read_fd, write_fd
        self.gone = False
        """Whether the other side is: a caught Closed does not hide it."""

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
                self.gone = True
                raise Closed
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)


def _view(tag: str) -> Callable[[Any, Pack], list[Any]]:
    def packed(view: Any, pack: Pack) -> list[Any]:
        return ["dv", tag, [[pack(key), pack(value)] for key, value in view.mapping.items()]]

    return packed


_PACKERS: dict[str, Callable[[Any, Pack], list[Any]]] = {
    "builtins.tuple": lambda v, pack: ["t", [pack(item) for item in v]],
    "builtins.frozenset": lambda v, pack: ["fs", [pack(item) for item in v]],
    "builtins.complex": lambda v, _: ["z", v.real, v.imag],
    "builtins.bytes": lambda v, _: ["b", v.hex()],
    "builtins.range": lambda v, _: ["r", v.start, v.stop, v.step],
    "builtins.slice": lambda v, pack: ["sl", pack(v.start), pack(v.stop), pack(v.step)],
    "builtins.dict_keys": _view("keys"),
    "builtins.dict_values": _view("values"),
    "builtins.dict_items": _view("items"),
    "builtins.NotImplementedType": lambda _v, _: ["one", "NotImplemented"],
    "builtins.ellipsis": lambda _v, _: ["one", "Ellipsis"],
    "decimal.Decimal": lambda v, _: ["D", str(v)],
    "fractions.Fraction": lambda v, _: ["F", str(v)],
    "datetime.datetime": lambda v, _: ["dt", v.isoformat()],
    "datetime.date": lambda v, _: ["da", v.isoformat()],
    "datetime.time": lambda v, _: ["ti", v.isoformat()],
    "datetime.timedelta": lambda v, _: ["td", v.days, v.seconds, v.microseconds],
    "datetime.timezone": lambda v, pack: ["tz", pack(v.utcoffset(None))],
    "pathlib.PosixPath": lambda v, _: ["pa", "PosixPath", str(v)],
    "pathlib.PurePosixPath": lambda v, _: ["pa", "PurePosixPath", str(v)],
    "pathlib.PureWindowsPath": lambda v, _: ["pa", "PureWindowsPath", str(v)],
    "uuid.UUID": lambda v, _: ["uu", v.hex],
}
_VIEWS: dict[Any, str] = {
    type({}.keys()): "dict_keys",
    type({}.values()): "dict_values",
    type({}.items()): "dict_items",
}
_HIDDEN = {**_VIEWS, type(NotImplemented): "NotImplementedType", type(Ellipsis): "ellipsis"}


def pack_data(value: Any, pack: Pack) -> Any:
    """`value` for JSON, with `pack` for what it holds; None where it is not immutable data of the standard library."""
    kind = type(value)
    name = f"builtins.{_HIDDEN[kind]}" if kind in _HIDDEN else f"{kind.__module__}.{kind.__name__}"
    packer = _PACKERS.get(name)
    if packer is not None and (kind in _HIDDEN or _public(kind.__module__, kind.__name__) is kind):
        return packer(value, pack)
    if isinstance(value, type) and _public("builtins", value.__name__) is value:
        return ["ty", value.__name__]
    return None


def _public(module: str, name: str) -> Any:
    return getattr(sys.modules.get(module), name, None)


def _library(module: str, *path: str) -> Callable[..., Any]:
    def make(*parts: Any) -> Any:
        value: Any = __import__(
            module
        )  # only where a value of it travels: to import all would take longer than a verdict
        for name in path:
            value = getattr(value, name)
        return value(*parts)

    return make


def _view_of(tag: str, pairs: list[Any], unpack: Pack) -> Any:
    held: dict[Any, Any] = {unpack(key): unpack(value) for key, value in pairs}
    return {"keys": held.keys, "values": held.values, "items": held.items}[tag]()


def _path(kind: str, text: str) -> Any:
    if kind not in ("PosixPath", "PurePosixPath", "PureWindowsPath"):
        raise ValueError(kind)
    return _library("pathlib", kind)(text)


_UNPACKERS: dict[str, Callable[..., Any]] = {
    "t": lambda items, unpack: tuple(unpack(item) for item in items),
    "fs": lambda items, unpack: frozenset(unpack(item) for item in items),
    "sl": lambda start, stop, step, unpack: slice(unpack(start), unpack(stop), unpack(step)),
    "tz": lambda offset, unpack: _library("datetime", "timezone")(unpack(offset)),
    "dv": _view_of,
}
"""Of what holds other values."""
_SIMPLE: dict[str, Callable[..., Any]] = {
    "D": _library("decimal", "Decimal"),
    "F": _library("fractions", "Fraction"),
    "td": _library("datetime", "timedelta"),
    "uu": _library("uuid", "UUID"),
    "dt": _library("datetime", "datetime", "fromisoformat"),
    "da": _library("datetime", "date", "fromisoformat"),
    "ti": _library("datetime", "time", "fromisoformat"),
    "pa": _path,
    "z": lambda real, imaginary: complex(float(real), float(imaginary)),
    "b": bytes.fromhex,
    "r": range,
    "one": lambda name: SINGLE[name],
}


def unpack_data(tag: str, rest: list[Any], unpack: Pack) -> Any:
    """The value of a tagged message. Raises KeyError for an unknown tag, ValueError or TypeError for wrong contents."""
    reader = _UNPACKERS.get(tag)
    if reader is not None:
        return reader(*rest, unpack)
    return builtin_type(rest[0]) if tag == "ty" else _SIMPLE[tag](*rest)


def builtin_type(name: Any) -> type:
    """The built-in type of this name. Raises ValueError where there is none."""
    kind = getattr(builtins, str(name), None)
    if not isinstance(kind, type):
        raise ValueError(f"no built-in type {name}")
    return kind
