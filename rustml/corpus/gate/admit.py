"""Admit one file into the corpus: its licence is allowed, it is UTF-8, and its own header names no other licence.

Each function counts in the funnel what it keeps and drops, under the steps of `STAGES`.
"""

import hashlib

import msgspec

from rustml.corpus.gate.licence_headers import contradicting_licence
from rustml.licence import Gate
from rustml.records import Origin, SourceFile
from rustml.sharding import Funnel

LICENCE, ENCODING, HEADER = STAGES = ("licence", "encoding", "header")


def admit(content: object, origin: Origin, gate: Gate, funnel: Funnel, label: str) -> SourceFile | None:
    """The file, or None when the gate refuses its licence, its encoding or its header.

    `content` is the file's bytes or its text, `label` its name in the funnel's samples. The returned record carries the
    SHA-256 of its UTF-8 bytes.
    """
    refusal = gate.refusal(origin.licence)
    if refusal is not None:
        funnel.drop(LICENCE, refusal.reason, f"{label}: {refusal.detail}")
        return None
    funnel.keep(LICENCE)
    return admit_text(content, origin, gate, funnel, label)


def admit_text(content: object, origin: Origin, gate: Gate, funnel: Funnel, label: str) -> SourceFile | None:
    """`admit` for a file whose licence was checked with its whole crate or repository."""
    text, reason = _text(content)
    if reason:
        funnel.drop(ENCODING, reason, label)
        return None
    funnel.keep(ENCODING)
    refusal = contradicting_licence(text, gate)
    if refusal is not None:
        funnel.drop(HEADER, refusal.reason, f"{label}: {refusal.detail}")
        return None
    funnel.keep(HEADER)
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    return SourceFile(origin=msgspec.structs.replace(origin, sha256=sha256), text=text)


def _text(content: object) -> tuple[str, str]:
    """The text and an empty reason, or the reason why `content` is not a text that UTF-8 can hold."""
    if isinstance(content, bytes):
        try:
            return content.decode("utf-8"), ""
        except UnicodeDecodeError:
            return "", "not_utf8"
    if not isinstance(content, str) or any("\ud800" <= character <= "\udfff" for character in content):
        return "", "not_text"
    return content, ""
