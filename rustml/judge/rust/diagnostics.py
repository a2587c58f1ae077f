"""rustc's JSON diagnostics, each attributed to the file that caused it."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, TypeVar

from rustml.records import Diagnostic

KEPT = 8
"""Error codes that a verdict lists at most."""
_LONGEST = 240
Owner = TypeVar("Owner")


@dataclass(frozen=True)
class Replacement:
    """A part of what mends a diagnostic: text for the bytes of a file."""

    file: str
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Message:
    """One diagnostic."""

    level: str
    code: str
    text: str
    file: str
    """The file that it is attributed to, empty for none: a stem from `read`, a path from `read_by_path`."""
    start: int
    """Byte offset of its span in that file."""
    end: int
    placed: bool = True
    """Whether it points into any source at all; what has no place may be the machine's fault."""
    rendered: str = ""
    """As rustc shows it to people."""
    fix: tuple[Replacement, ...] = ()
    """From `read_by_path`: what mends it, where there is one suggestion and the compiler is sure of all its parts."""

    def relative_to(self, start: int) -> "Message":
        """The same with offsets that count from byte `start` of its file."""
        fix = tuple(replace(one, start=one.start - start, end=one.end - start) for one in self.fix)
        return replace(self, start=self.start - start, end=self.end - start, fix=fix)

    @property
    def is_error(self) -> bool:
        """Whether it stops the compilation."""
        return self.level.startswith("error")

    def inside(self, file: str, start: int, end: int) -> bool:
        """Whether it points into these bytes of a file."""
        return self.file == file and self.start < end and self.end > start


def read(stream: bytes, stems: frozenset[str]) -> list[Message]:
    """The diagnostics among the lines of rustc's standard error, each attributed to one of the files `stems`.

    `Message.file` is the stem of the first file among them that a span lies in: primary spans before secondary ones.
    """
    messages = []
    for record in _records(stream):
        span = _span_in(record, stems)
        messages.append(_message(record, span, _stem(span) if span else ""))
    return messages


def read_by_path(stream: bytes, root: str) -> list[Message]:
    """The diagnostics of rustc's standard error, each with its primary span's path relative to the folder `root`.

    For a message about a macro's expansion this is where the macro was called.
    """
    messages = []
    for record in _records(stream):
        span = next((span for span in record.get("spans", ()) if span.get("is_primary")), None)
        source = _macro_call(span) if span else None
        file = _relative(source["file_name"], root) if source else ""
        messages.append(replace(_message(record, source, file), fix=_fix(record, root)))
    return messages


def _relative(path: str, root: str) -> str:
    return os.path.normpath(path).removeprefix(f"{root}/")


def _fix(record: Mapping[str, Any], root: str) -> tuple[Replacement, ...]:
    """The one suggestion of a message, if it is machine-applicable and replaces nothing that a macro wrote."""
    parts = [[span for span in child.get("spans", ()) if _replaces(span)] for child in record.get("children", ())]
    suggestions = [spans for spans in parts if spans]
    if len(suggestions) != 1 or not all(_is_sure(span) for span in suggestions[0]):
        return ()
    return tuple(
        Replacement(
            _relative(span["file_name"], root), span["byte_start"], span["byte_end"], span["suggested_replacement"]
        )
        for span in suggestions[0]
    )


def _replaces(span: Mapping[str, Any]) -> bool:
    return span.get("suggested_replacement") is not None


def _is_sure(span: Mapping[str, Any]) -> bool:
    return span.get("suggestion_applicability") == "MachineApplicable" and not span.get("expansion")


def errors_by_owner(messages: list[Message], owners: Mapping[str, Owner]) -> dict[Owner, list[Message]]:
    """The errors of each owner of a file to which one is attributed."""
    faulty: dict[Owner, list[Message]] = {}
    for message in messages:
        if message.is_error and message.file in owners:
            faulty.setdefault(owners[message.file], []).append(message)
    return faulty


def _records(stream: bytes) -> Iterator[dict[str, Any]]:
    """Lines that are not JSON, such as the report of a compiler crash or a line cut off, are skipped."""
    for line in stream.splitlines():
        if line.startswith(b"{"):
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if "message" in record and not _summary(record):
                yield record


def _summary(record: dict[str, Any]) -> bool:
    """Whether a record is rustc's closing line. A candidate's `compile_error!` may say the same, but has a place."""
    return not record.get("spans") and record["message"].startswith("aborting due to")


def _message(record: dict[str, Any], span: dict[str, Any] | None, file: str) -> Message:
    code = (record.get("code") or {}).get("code", "")
    start, end = (span["byte_start"], span["byte_end"]) if span else (0, 0)
    placed = bool(record.get("spans"))
    rendered = record.get("rendered") or ""
    return Message(record.get("level", ""), code, record["message"], file, start, end, placed, rendered)


def _macro_call(span: dict[str, Any]) -> dict[str, Any]:
    """The span in the source from which a macro's expansion comes."""
    while (span.get("expansion") or {}).get("span"):
        span = span["expansion"]["span"]
    return span


def _span_in(record: dict[str, Any], stems: frozenset[str]) -> dict[str, Any] | None:
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
