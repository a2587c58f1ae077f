"""Draw problems from the families: balanced, deterministic, without duplicates."""

from collections.abc import Collection, Iterator
from random import Random

from rustml.banks.families.draft import Draft, Family, Split, identity, problem, split_of
from rustml.banks.families.themes import (
    booleans,
    branches,
    integers,
    loops,
    options,
    pipelines,
    splitting,
    strings,
    vectors,
)
from rustml.errors import InputError
from rustml.records import Language, Problem

_THEMES = (integers, booleans, branches, vectors, pipelines, loops, options, strings, splitting)
FAMILIES: dict[str, Family] = {
    value.name: value for theme in _THEMES for value in vars(theme).values() if isinstance(value, Family)
}
"""By name, theme by theme in the order in which they are written."""
PATIENCE = 3000
"""Tries without a new task after which a family counts as exhausted."""


def draw(
    language: Language, split: Split, count: int, seed: int, families: Collection[str] | None = None
) -> list[Problem]:
    """Return `count` problems of one split, family after family in turn, from all families or from those named.

    Deterministic; a smaller count gives a prefix of a larger one. In train, a task may occur again under other names;
    in dev and test each task occurs once. Raises InputError for an unknown family, and when the split holds fewer than
    `count` problems.
    """
    active = _chosen(families)
    tasks = _tasks(active, split, count, seed)
    problems = [problem(family, name, draft, split, language) for family, name, draft in tasks]
    if len(problems) < count:
        raise InputError(
            f"{len(active)} tiny families hold {len(problems)} {split} problems, fewer than {count}: "
            f"set bank.{language}_{split} to {len(problems)} or less, or name more families"
        )
    return problems


def _chosen(names: Collection[str] | None) -> list[Family]:
    if names is None:
        return list(FAMILIES.values())
    unknown = [name for name in names if name not in FAMILIES]
    if unknown or not names:
        raise InputError(
            f"bank.families: no tiny family {', '.join(unknown) or 'named'}; there are: {', '.join(FAMILIES)}"
        )
    return [family for name, family in FAMILIES.items() if name in names]


def _tasks(active: list[Family], split: Split, count: int, seed: int) -> Iterator[tuple[Family, str, Draft]]:
    """The first `count` tasks of round after round over the families that are not exhausted."""
    rng = Random(f"{split} {seed}")
    seen: set[tuple[str, ...]] = set()
    number = 0
    while active and number < count:
        order = rng.sample(active, len(active))
        exhausted = set()
        for family in order[: count - number]:
            task = _fresh(family, split, rng, seen)
            if task is None:
                exhausted.add(family.name)
            else:
                number += 1
                yield family, *task
        active = [family for family in active if family.name not in exhausted]


def _fresh(family: Family, split: Split, rng: Random, seen: set[tuple[str, ...]]) -> tuple[str, Draft] | None:
    """A new task of the split, added to `seen`; None when the family seems exhausted."""
    for _ in range(PATIENCE):
        draft = family.draft(rng)
        task = identity(family.name, draft)
        if split_of(task) != split:
            continue
        name = rng.choice(family.names)
        key = (name, draft.meaning.english, draft.meaning.rust) if split == "train" else (task,)
        if key not in seen:
            seen.add(key)
            return name, draft
    return None
