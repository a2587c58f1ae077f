"""A bank: problems under one name, with their licence and whether they may be trained on."""

import hashlib
from collections.abc import Iterable

import msgspec

from rustml.errors import InputError
from rustml.records import Problem, Record


class Bank(Record, frozen=True):
    """Problems of one origin."""

    name: str
    licence: str
    """SPDX expression; of a mixed bank, all licences joined by AND."""
    trainable: bool
    """False where the licence, or the protocol that the bank serves, forbids training on any of it."""
    digest: str
    """SHA-256 over the problems, in order; independent of how they were stored or compressed."""
    problems: tuple[Problem, ...]
    excluded: dict[str, str]
    """Problems of the source that are not in the bank, by id, with the reason."""


def make_bank(name: str, problems: Iterable[Problem], excluded: dict[str, str] | None = None) -> Bank:
    """Gather problems into a bank. Raises InputError when there are none, or when two have the same id."""
    gathered = tuple(problems)
    if not gathered:
        raise InputError(f"bank {name}: its source holds no usable problem")
    seen: set[str] = set()
    for problem in gathered:
        if problem.id in seen:
            raise InputError(f"bank {name}: two problems have the id {problem.id}; give each its own")
        seen.add(problem.id)
    encoder = msgspec.json.Encoder(order="deterministic")
    digest = hashlib.sha256(b"\n".join([encoder.encode(problem) for problem in gathered])).hexdigest()
    licence = " AND ".join(sorted({problem.licence for problem in gathered}))
    trainable = all(problem.trainable for problem in gathered)
    return Bank(
        name=name, licence=licence, trainable=trainable, digest=digest, problems=gathered, excluded=excluded or {}
    )
