"""From a training record back to its legal basis."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rustml.errors import InputError
from rustml.licence import Gate
from rustml.origin import folder_of
from rustml.pairs.split import PARTS
from rustml.records import Origin, Pair, read_jsonl


def find(pair_id: str, folder: Path) -> Iterator[tuple[str, Pair]]:
    """Yield part and record of every record of the pairs output in `folder` whose id begins with `pair_id`.

    Raises InputError when `folder` is not an output of the pairs stage.
    """
    paths = [path for part in PARTS if (path := folder / f"{part}.jsonl").is_file()]
    if not paths:
        raise InputError(f"{folder} is not an output of the pairs stage: it holds none of {', '.join(PARTS)}.jsonl")
    for path in paths:
        if not _mentions(path, pair_id):
            continue
        for pair in read_jsonl(path, Pair):
            if pair.id.startswith(pair_id):
                yield path.stem, pair


def _mentions(path: Path, pair_id: str) -> bool:
    """Whether a file holds an id that begins like this, found without decoding its lines."""
    prefix = f'"id":"{pair_id}'.encode()
    with path.open("rb") as lines:
        return any(line.startswith(b"{" + prefix) for line in lines)


def basis(part: str, pair: Pair, licences: Sequence[str]) -> list[tuple[str, str]]:
    """What the record is, where it comes from, its licence, and the gate's decision on that licence today."""
    origin = pair.origin
    refusal = Gate(licences).refusal(origin.licence)
    rows = [
        ("pair", pair.id),
        ("part", part),
        ("task", pair.task),
        (origin.kind, f"{origin.name} {origin.version}".strip()),
        ("licence", origin.licence),
        ("gate", "allowed" if refusal is None else f"REFUSED: {refusal.reason}: {refusal.detail}"),
        ("path", origin.path),
        ("registry", origin.registry),
        ("url", origin.url),
        ("file sha256", origin.sha256),
        ("archive sha256", origin.archive_sha256),
        ("source", check(origin)),
    ]
    return [(name, value) for name, value in rows if value]


def check(origin: Origin) -> str:
    """Whether the file at a local origin still has the bytes that were trained on."""
    folder = folder_of(origin.url)
    if folder is None:
        return "not on this machine; the checksums identify it"
    path = folder / origin.path
    if not path.is_file():
        return f"{path} is gone"
    same = hashlib.sha256(path.read_bytes()).hexdigest() == origin.sha256
    return f"{path} has these bytes" if same else f"{path} has CHANGED since"
