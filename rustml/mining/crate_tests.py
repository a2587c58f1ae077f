"""The tests that a crate holds for a function: its documentation's examples, and unit tests that call it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rustml.judge.screening.imports import leaves
from rustml.mining.excerpt import crate_imports, without_crate_imports, without_crate_paths
from rustml.mining.items import CrateItems, Item, UnitTest, words
from rustml.rust.doctests import naming

MOST = 6
"""Unit tests of one function that are tried at most, those of its own file first."""


@dataclass(frozen=True)
class CrateTest:
    """One test, made to stand outside its crate."""

    text: str
    """A `#[test]` function."""
    support: tuple[str, ...]
    """Imports and items of its module that it needs."""
    names: tuple[str, ...]
    """What it imports from the crate."""


def tests_of(target: Item, crate: CrateItems) -> list[CrateTest]:
    """The tests of a function, examples first, each name of a test once."""
    tests = [*_examples(target, crate), *_unit_tests(target, crate)]
    by_name = {test.text.split("(", maxsplit=1)[0]: test for test in reversed(tests)}
    return list(reversed(by_name.values()))


def _examples(target: Item, crate: CrateItems) -> Iterator[CrateTest]:
    for number, code in enumerate(naming(target.name, [target.leading])):
        names = tuple(crate_imports(leaves(code), crate))
        if not _renames(names):
            text = _alone(code, crate).strip("\n ")
            yield CrateTest(f"#[test]\nfn example_{number}() {{\n{text}\n}}", (), _last(names))


def _unit_tests(target: Item, crate: CrateItems) -> Iterator[CrateTest]:
    callers = sorted(crate.callers.get(target.name, []), key=lambda test: (test.file != target.file, test.file))
    calling = [test for test in callers if _reaches(test, target, crate)]
    for test in calling[:MOST]:
        names = tuple(crate_imports(test.leaves, crate))
        if not _renames(names):
            yield CrateTest(_alone(test.text, crate), tuple(_support(test, crate)), _last(names))


def _reaches(test: UnitTest, target: Item, crate: CrateItems) -> bool:
    """Whether a test of another file may mean this function: it names it, or the type that it belongs to."""
    if test.file == target.file:
        return True
    names = _last(crate_imports(test.leaves, crate))
    return (target.owner or target.name) in names


def _support(test: UnitTest, crate: CrateItems) -> Iterator[str]:
    """The imports and items that a test needs of its module."""
    known = words(test.text)
    siblings: dict[Item, None] = {}
    while fresh := [item for item in test.siblings if item.name in known and item not in siblings]:
        for item in fresh:
            siblings[item] = None
            known |= item.words
    imports = without_crate_imports(test.imports, crate).strip()
    yield from ([imports] if imports else [])
    yield from (_alone(item.text, crate) for item in sorted(siblings, key=lambda item: item.start))


def _alone(text: str, crate: CrateItems) -> str:
    return without_crate_paths(without_crate_imports(text, crate), crate)


def _renames(names: Iterable[str]) -> bool:
    return any(" as " in name for name in names)


def _last(names: Iterable[str]) -> tuple[str, ...]:
    """The names that paths into the crate end in, globs and the crate itself left out."""
    return tuple(name for path in names if "::" in path and (name := path.rpartition("::")[2]) != "*")
