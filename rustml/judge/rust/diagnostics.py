"""rustc's JSON diagnostics, and whose they are."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from rustml.records import Diagnostic

KEPT = 8
"""Error codes that a verdict lists at most."""
_LONGEST = 240


@dataclass(frozen=True)
class Message:
    """One diagnostic."""

    level: str
    code: str
    text: str
    file: str
    """Stem of the file that the primary span lies in, or of the first that any span lies in; empty if none."""
    start: int
    """Byte offset of the primary span in that file."""
    end: int

    @property
    def is_error(self) -> bool:
        """Whether it stops the compilation."""
        return self.level.startswith("error")


def read(stream: bytes, stems: frozenset[str]) -> list[Message]:
    """The diagnostics among the lines of rustc's standard error, each attributed to one of the files `stems`.

    Lines that are no JSON, such as the report of a compiler crash or a line cut off, are skipped.
    """
    found = []
    for line in stream.splitlines():
        if line.startswith(b"{"):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if "message" in record and not record["message"].startswith("aborting due to"):
                found.append(_message(record, stems))
    return found


def _message(record: dict[str, Any], stems: frozenset[str]) -> Message:
    code = (record.get("code") or {}).get("code", "")
    span = _own_span(record, stems)
    place = (_stem(span), span["byte_start"], span["byte_end"]) if span else ("", 0, 0)
    return Message(record.get("level", ""), code, record["message"], *place)


def _own_span(record: dict[str, Any], stems: frozenset[str]) -> dict[str, Any] | None:
    """The span to attribute by: primary before secondary, the message's own before those of its notes."""
    spans = sorted(_spans(record), key=lambda span: not span.get("is_primary"))
    for span in spans:
        if _stem(span) in stems:
            return span
    return None


def _spans(record: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for span in record.get("spans", ()):
        at: dict[str, Any] | None = span
        while at:
            yield {**at, "is_primary": span.get("is_primary")}
            at = (at.get("expansion") or {}).get("span")
    for child in record.get("children", ()):
        for span in _spans(child):
            yield {**span, "is_primary": False}


def _stem(span: dict[str, Any]) -> str:
    return PurePosixPath(span.get("file_name", "")).stem


def summary(messages: list[Message]) -> tuple[Diagnostic, ...]:
    """The first message of each error code, in the order in which rustc gave them."""
    first: dict[str, Diagnostic] = {}
    for message in messages:
        if message.is_error and message.code not in first:
            first[message.code] = Diagnostic(message.code, " ".join(message.text.split())[:_LONGEST])
    return tuple(first.values())[:KEPT]
