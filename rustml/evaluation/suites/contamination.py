"""Which problems of an evaluation were in the training data after all."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from rustml.errors import InputError
from rustml.profile.curate import Decontamination
from rustml.records import Pair, Problem, read_jsonl
from rustml.similarity.overlap import Overlap, Protected

TRAINED_ON = ("train.jsonl", "raw.jsonl")


def in_training(problems: Sequence[Problem], pairs: Path, section: Decontamination, cache: Path) -> frozenset[str]:
    """Ids of the problems that a record of the `pairs` output overlaps, by the very measure that pairs are cleaned by.

    Checked, not assumed: the pairs may have been cleaned against other banks than those measured on. An answer to the
    same question is kept in `cache`.
    """
    files = [pairs / name for name in TRAINED_ON]
    digest = hashlib.sha256(msgspec.json.encode([msgspec.to_builtins(section), list(problems)]))
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    place = cache / f"contaminated-{digest.hexdigest()[:16]}.json"
    if not place.is_file():
        names = sorted(_overlapping(problems, files, section))
        cache.mkdir(parents=True, exist_ok=True)
        partial = place.with_name(f"{place.name}.partial")
        partial.write_bytes(msgspec.json.encode(names))
        partial.replace(place)
    return frozenset(msgspec.json.decode(place.read_bytes(), type=list[str]))


def _overlapping(problems: Sequence[Problem], files: Iterable[Path], section: Decontamination) -> set[str]:
    guarded = [
        Protected(bank=problem.id, text=text)
        for problem in problems
        for text in (problem.instruction, problem.reference)
    ]
    overlap = Overlap(guarded, section)
    names: set[str] = set()
    for file in files:
        for pair in read_jsonl(file, Pair):
            names.update(overlap.banks(f"{pair.instruction}\n{pair.answer}"))
            names.update(overlap.banks(pair.answer))
    return names


def listed(path: Path, known: Iterable[str]) -> frozenset[str]:
    """Ids that a file names, one a line; empty lines and lines that begin with `#` do not count.

    Raises InputError for a file that cannot be read, and for an id that no suite holds: a misspelt id would pass.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the contaminated ids in {path}: {error}") from error
    names = frozenset(known)
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.startswith("#") and line.strip() not in names:
            raise InputError(f"{path}, line {number}: no suite holds an item {line.strip()!r}")
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))
