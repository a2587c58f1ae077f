"""A release: the folder that `export` writes and `push` uploads, with its card and the checksums of its files."""

from pathlib import Path

import msgspec

from rustml.errors import EvidenceError, InputError
from rustml.io import write_bytes
from rustml.models import checksums
from rustml.records import Record
from rustml.release import card as cards
from rustml.release.registry import ModelVersion, Registry

NOTE = "rustml-release.json"


class Release(Record, frozen=True):
    """The contents of `rustml-release.json`: which version the folder holds."""

    model: str
    version: str
    weights: str
    """Digest of the version's weights as they are registered; files of a release are laid out otherwise."""


def describe(folder: Path, version: ModelVersion, weights: str) -> None:
    """Write note, card and checksums beside the files of a release; what an earlier call wrote is replaced.

    Raises EvidenceError where an evaluation or a decision of the version is gone.
    """
    note = Release(model=version.registry.model, version=version.number, weights=weights)
    write_bytes(folder / NOTE, msgspec.json.format(msgspec.json.encode(note)))
    digests = checksums.of_folder(folder)
    digests.pop(cards.CARD, None)
    text = cards.card(version.registry, version.number, digests)
    cards.parse(text)
    write_bytes(folder / cards.CARD, text.encode())
    checksums.write(folder, checksums.of_folder(folder))


def note_of(folder: Path) -> Release:
    """The note of a release. Raises InputError where `folder` holds none."""
    path = folder / NOTE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Release)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{folder} holds no release ({path.name}): give a folder that `export` wrote") from error


def check(folder: Path, registry: Registry) -> Release:
    """Check a release file by file, and its card against what the registry says now.

    Raises InputError for a file that is missing, added or changed, EvidenceError for a card that says something else
    than the registry: it was edited, or the evidence changed since.
    """
    note = note_of(folder)
    digests = checksums.check(folder)
    text = (folder / cards.CARD).read_text(encoding="utf-8")
    digests.pop(cards.CARD)
    line = first_difference(text, cards.card(registry, note.version, digests))
    if line is not None:
        raise EvidenceError(
            f"{folder / cards.CARD}, line {line}: the card says something else than the registry. It was edited, or "
            f"the evidence of version {note.version} changed: export it again"
        )
    cards.parse(text)
    return note


def first_difference(one: str, other: str) -> int | None:
    """Number of the first line that differs, from 1; None where the texts are equal."""
    if one == other:
        return None
    lines, others = one.splitlines(), other.splitlines()
    pairs = enumerate(zip(lines, others, strict=False), start=1)
    return next((number for number, (a, b) in pairs if a != b), min(len(lines), len(others)) + 1)
