"""Problems to train on from elsewhere than crates: a checkout of Exercism's Rust track, and a user's own file.

They are raw: the stage `mine` puts them through its licence gate and its checks.
"""

import hashlib
from pathlib import Path

from msgspec import structs

from rustml.banks.bank import Bank, make_bank
from rustml.banks.sources.load import problem_file
from rustml.banks.sources.polyglot import EXAMPLE, exercise_rows, exercises
from rustml.hub_datasets import hub_dataset, hub_rows, typed
from rustml.profile.mine import ProblemSource
from rustml.records import Origin, Problem

MINED, OWN = "mined", "problems"
ON_HUB = "hub:"
MEASURED = frozenset(
    {
        "00f674718dd1293b", "041fdb8e7b926cdc", "09b1b4389a9e224e", "13cbcd44b7158b2e",
        "1b514f323edf7b1d", "275976081ce1abf6", "2d1d52c3d18efcfd", "32ecec64deb0ddb8",
        "34750dbd21f311d2", "3dbcdfce100d49c7", "3e6d4b43d473c69d", "41e167dc05d91834",
        "46a315336de06fbf", "472de63265465876", "5208a5a3f928b7dd", "58190a849fa33f10",
        "59c62df130d2da3f", "6ab4324c4df9f10a", "722c66faa656da01", "8dccc3afde646bfc",
        "8f6a788939ca730f", "9f76eb8bdc67e235", "a0b967fc60136d2e", "a26c71dae4ef93c4",
        "ab81c75390118f9b", "c5407045a129603e", "e8be8acb24a462ab", "faefbbbf05cb9cfb",
        "fba2eac3ee47ff78", "fe59af166540b51f",
    }
)  # fmt: skip
"""Of the names of the exercises in Aider's polyglot benchmark for Rust, the beginnings of the SHA-256."""


def bank_to_mine(name: str, source: ProblemSource) -> Bank:
    """The problems of one source, each with its origin, and why others of it are left out.

    Raises InputError where it cannot be read.
    """
    if source.kind == "problems":
        bank = _of_hub(name, source) if on_hub(source) else problem_file(name, Path(source.path))
        located = [_own(problem, name, source) for problem in bank.problems]
    else:
        bank = exercises(name, exercise_rows(Path(source.path)), _measured)
        located = [_exercise(problem, name, source) for problem in bank.problems]
    return make_bank(name, located, bank.excluded)


def on_hub(source: ProblemSource) -> bool:
    """Whether a source is a data set of the hub."""
    return source.path.startswith(ON_HUB)


def _of_hub(name: str, source: ProblemSource) -> Bank:
    rows = hub_rows(hub_dataset(source.path.removeprefix(ON_HUB)), "train", streaming=False)
    # A data set has every column in every row.
    filled = (row._replace(value={key: value for key, value in row.value.items() if value is not None}) for row in rows)
    return make_bank(name, [typed(row, Problem) for row in filled])


def _measured(slug: str) -> str:
    """Why an exercise is left out: it is measured on."""
    measured = hashlib.sha256(slug.encode()).hexdigest()[:16] in MEASURED
    return "an exercise of Aider's polyglot benchmark, which is measured on" if measured else ""


def _exercise(problem: Problem, name: str, source: ProblemSource) -> Problem:
    slug = problem.id.rpartition("/")[2]
    origin = _origin(problem, name, source.licence, "exercise", f"{slug}/{EXAMPLE}")
    raw = structs.replace(problem, licence=source.licence, trainable=True, split="train", origin=origin)
    return _named(raw, {"crate": problem.id, "kind": "exercise"})


def _own(problem: Problem, name: str, source: ProblemSource) -> Problem:
    licence = source.licence or problem.licence
    origin = problem.origin or _origin(problem, name, licence, OWN, source.path.rpartition("/")[2])
    return _named(structs.replace(problem, licence=licence, origin=origin), {"crate": name, "kind": OWN} | problem.tags)


def _named(problem: Problem, tags: dict[str, str]) -> Problem:
    return structs.replace(problem, id=f"{MINED}/{problem.id}", bank=MINED, tags=tags)


def _origin(problem: Problem, name: str, licence: str, kind: str, path: str) -> Origin:
    sha256 = hashlib.sha256(problem.reference.encode()).hexdigest()
    return Origin(kind=kind, name=name, licence=licence, path=path, sha256=sha256)
