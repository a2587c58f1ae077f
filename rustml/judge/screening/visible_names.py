"""Which names the tests of a problem take from the candidate.

The entry point, what the signature mentions, and what the tests name without defining it, as far as it cannot change
the meaning of anything else in them: nothing that the standard library names, nothing that a pattern could capture, no
trait that would win over a method of the standard library. What is taken is imported by a glob, so that what the
tests declare or import themselves comes first. The candidate's own imports from the standard library are visible too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from rustml.judge.screening import imports
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.items import Item
from rustml.judge.screening.standard_methods import METHODS
from rustml.judge.screening.standard_names import MACROS, PATHS, PROTECTED
from rustml.rust.lexer import Token

SHARED = 128
"""Tests whose words are kept: the answers to one problem share them."""
_CALLED = frozenset({"(", "::"})
_STANDARD_ALIAS = re.compile(r"^type \w+ (?:< [^;{}]*? > )?= (?::: )?(?:std|core) :: (?:\w+ :: )*\w+ (?:<|;)")


@dataclass(frozen=True)
class VisibleNames:
    """What the tests import."""

    own: frozenset[str]
    """Items of the candidate's."""
    exported: frozenset[str]
    """Names under which its `use` declarations have to export them: `*` for those that name none."""
    macros: frozenset[str]
    """Macros of the candidate's."""
    standard: tuple[str, ...]
    """Paths into the standard library."""
    library: str = ""
    """The name by which the tests call the candidate's crate as a whole; empty where they do not."""
    globs: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    """What they get by `use library::*`, or from a module of it: the module's path → names."""


def visible_names(
    source: CandidateSource, tests: CandidateSource, entry: str, declared: frozenset[str], given: frozenset[str]
) -> VisibleNames:
    """The names for these tests.

    `declared` are the words of the signature, `given` the names that the problem's imports bring along.
    """
    view = _View(source, tests, entry, declared)
    used = frozenset(view.used_macros & source.macros)
    macros = used | source.modules.expanding(used)
    macros = frozenset(name for name in macros if name == entry or name not in MACROS)
    exported = frozenset(view.own(given)) - macros
    own = exported - {"*"}
    if not view.library and entry.isidentifier() and entry not in macros and not view.is_method(entry):
        own |= {entry}
    paths = {path for _, _, path in library_globs(tests.tokens, view.library)}
    globs = {path: view.inside(path) if path else own | macros for path in paths}
    standard = view.standard(given | frozenset(view.offered if view.library else ()))
    return VisibleNames(own, exported | own, macros, tuple(standard), view.library, globs)


def library_globs(stream: Sequence[Token], library: str) -> Iterator[tuple[int, int, tuple[str, ...]]]:
    """Each `use library::path::*;` of tests: where the path starts and ends, and the path inside the library."""
    for index, token in enumerate(stream):
        if token.text == "use" and library:
            start = index + 1 + (stream[index + 1].text == "::")
            end = next((at for at in range(start, len(stream)) if stream[at].text in (";", "{", "as")), start)
            texts = [one.text for one in stream[start:end]]
            if texts[:1] == [library] and texts[-1:] == ["*"]:
                yield start, end, tuple(texts[2:-2:2])


class _Words:
    """How the tests use their words."""

    def __init__(self, tests: CandidateSource) -> None:
        self.all = tests.identifiers
        self.before_marks: set[str] = set()
        self.uncalled: set[str] = set()
        self.methods: set[str] = set()
        self.neighbours: dict[str, set[tuple[str, str]]] = {}
        """Of each word, what stands before and behind it."""
        before = ""
        for token, following in pairwise([*tests.tokens, Token("punct", "", 0, 0)]):
            if token.kind == "ident":
                self.neighbours.setdefault(token.text, set()).add((before, following.text))
            before = token.text
            if following.text == "!":
                self.before_marks.add(token.text)
            if token.kind == "ident" and following.text not in _CALLED:
                self.uncalled.add(token.text)
            if token.text in (".", "::") and following.kind == "ident":
                self.methods.add(following.text)


_words = lru_cache(maxsize=SHARED)(_Words)


class _View:
    """The tests' words, held against what a candidate offers."""

    def __init__(self, source: CandidateSource, tests: CandidateSource, entry: str, declared: frozenset[str]) -> None:
        words = _words(tests)
        self._source, self._entry, self._declared, self._neighbours = source, entry, declared, words.neighbours
        self._used = words.all | declared | {entry}
        self.used_macros = words.before_marks | {entry}
        self._uncalled, self._methods = words.uncalled, words.methods
        self.offered: dict[str, list[Item]] = {}
        for item in source.items:
            if item.name and item.keyword != "macro_rules":
                self.offered.setdefault(item.name, []).append(item)
        self._reached = source.modules.names(()) or {}
        written = source.modules.written.keys() - self.offered.keys()
        self._written = frozenset(name for name in written if self._writes(name))
        self.library = self._as_library()

    def is_method(self, name: str) -> bool:
        """Whether the entry point stands inside another item alone: then its owner is what the tests name."""
        imported = any(imports.imported_name(path) in (name, "*") for _, path in self._source.imports)
        return name not in self.offered and not imported and self._source.defines_inside(name)

    def _as_library(self) -> str:
        """The entry point where the tests use it as the name of a crate."""
        item = self._entry in self.offered or self._entry in self._written
        as_crate = any(
            (before == "use" and behind in ("::", "as", ";")) or before == "crate" or (behind == "::" and not item)
            for before, behind in self._neighbours.get(self._entry, ())
        )
        keywords = {item.keyword for item in self.offered.get(self._entry, ())}
        modules = (keywords | {self._source.modules.written.get(self._entry, "fn")}) - {"fn", "const", "static"}
        return self._entry if as_crate and not modules and not self.is_method(self._entry) else ""

    def own(self, given: frozenset[str]) -> Iterator[str]:
        """The candidate's items that the tests may name, and `*` where some come by a glob."""
        for name in self._harmless_of(self._reached) | self._written:
            if name not in given or name == self._entry:
                yield name
        for _, path in self._source.imports:
            name = imports.imported_name(path)
            if not imports.in_standard(path) and name not in given and self._reexport(name, path):
                yield name

    def inside(self, path: tuple[str, ...]) -> frozenset[str]:
        """What the tests may take from a module by a glob: nothing where the text does not show it."""
        modules = self._source.modules
        items = modules.names(path) or {}
        return self._harmless_of({name: items[name] for name in items if modules.public(items[name])})

    def _harmless_of(self, offered: Mapping[str, list[Item]]) -> frozenset[str]:
        own = (name for name, items in offered.items() if any(self._harmless(name, item) for item in items))
        return frozenset(own) | (offered.keys() & {self._entry})

    def _harmless(self, name: str, item: Item) -> bool:
        if item.keyword == "trait" and self._methods & self._methods_of(item):
            return not self._overrides(item)
        if name not in self._used:
            return False
        if name in PROTECTED or (name in PATHS and not self.library):
            return item.keyword == "type" and self._is_standard_alias(item)
        if item.keyword in ("fn", "mod"):
            return True
        return not name[0].islower() or name in self._declared

    def _writes(self, name: str) -> bool:
        """Whether the tests may name a function or type that a macro writes."""
        known = name in self._used and name not in PROTECTED and (name not in PATHS or name == self._entry)
        return known and (not name[0].islower() or name not in self._uncalled)

    def _reexport(self, name: str, path: str) -> bool:
        if name == "*":
            return self._entry not in self.offered or bool(self._reached.keys() - self.offered.keys())
        original = path.split(" as ", maxsplit=1)[0].split("::")
        foreign = self._outside(path) or self._source.modules.writes(original)
        return name == self._entry or (name not in self._reached and foreign and self._writes(name))

    def _outside(self, path: str) -> bool:
        """Whether a path leads out of the candidate's text, and not to something that its macros write."""
        root = path.split("::", maxsplit=1)[0].split(" ", maxsplit=1)[0]
        known = {imports.imported_name(one) for _, one in self._source.imports if one != path} | self.offered.keys()
        return root not in known | {"self", "super", "crate"} and not self._source.modules.traits_by_macro

    def _is_standard_alias(self, item: Item) -> bool:
        """`type Result<T> = std::result::Result<T, Error>;` is still the standard library's."""
        text = " ".join(token.text for token in self._source.tokens[item.head : item.end][:64])
        return _STANDARD_ALIAS.match(text) is not None and not {"std", "core"} & self.offered.keys()

    def _methods_of(self, item: Item) -> frozenset[str]:
        pairs = pairwise(self._source.tokens[item.head : item.end])
        return frozenset(name.text for word, name in pairs if word.text == "fn")

    def _overrides(self, item: Item) -> bool:
        """Whether the trait may offer a type that is not the candidate's a method that the standard library has."""
        outside = self._source.own_types.implemented_outside & {item.name, "*"}
        may = bool(outside) or "macro_rules" in self._source.identifiers
        return may and bool(self._methods_of(item) & METHODS & self._methods)

    def standard(self, given: frozenset[str]) -> Iterator[str]:
        """What the candidate imports from the standard library, and what the tests name without importing it."""
        names = {*given, self._entry}
        for _, path in self._source.imports:
            name = imports.imported_name(path)
            if imports.in_standard(path) and (name in ("*", "_") or self._importable(path, name, names)):
                names.add(name)
                yield path
        yield from (PATHS[name] for name in sorted(self._used & PATHS.keys() - names))

    def _importable(self, path: str, name: str, names: set[str]) -> bool:
        """A renaming must not look like a variable, nor like what everybody knows by that name."""
        renamed = " as " in path
        return name not in names and not (renamed and (name[0].islower() or name in PROTECTED or name in PATHS))
