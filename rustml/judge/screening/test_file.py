"""The tests of one problem, made ready for a crate of their own.

The text of the tests is the problem's, not the candidate's. It is edited by token: test functions become callable,
the `assert!` macros become the harness's, and the names that the tests use come from the candidate, unless they mean
something in the standard library.
"""

from dataclasses import dataclass

from rustml.errors import InputError
from rustml.judge.screening import imports, signature
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.guarded_asserts import guard_comparisons
from rustml.records import Candidate
from rustml.rust.lexer import Token, edited

_ASSERTS = {"assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"}
_NAMES = """Option Some None Result Ok Err Vec String Box ToString ToOwned Clone Copy Send Sync Sized Drop Fn FnMut
FnOnce AsRef AsMut Into From TryFrom TryInto FromIterator Default Iterator Extend IntoIterator DoubleEndedIterator
ExactSizeIterator Eq PartialEq Ord PartialOrd Debug Hash drop i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
f32 f64 bool char str std core alloc self Self super crate"""
PROTECTED = frozenset(_NAMES.split())
"""Names that a candidate cannot give another meaning to in the tests."""


@dataclass(frozen=True)
class TestFunction:
    """One `#[test]`."""

    path: str
    """Inside the test file, such as `tests::adds`."""
    panics: str | None
    """For `#[should_panic]`: a Rust string literal, the text that the panic must hold."""


class TestFile:
    """The tests of one candidate."""

    def __init__(self, candidate: Candidate, source: CandidateSource) -> None:
        self._text = candidate.tests
        source_of_tests = CandidateSource(candidate.tests)
        self._tokens, pairs = source_of_tests.tokens, source_of_tests.partners
        if pairs is None:
            raise InputError(f"candidate {candidate.id}: the delimiters of its tests do not match up")
        self._pairs = pairs
        self._source = source
        self._edits: list[tuple[int, int, str]] = []
        self.prelude = imports.standard(f"{candidate.prelude}\n{candidate.signature}")
        self.signature = signature.parse(candidate.signature, candidate.entry_point)
        self.functions = tuple(self._functions(0, len(self._tokens), ()))
        if not self.functions:
            raise InputError(f"candidate {candidate.id}: its tests hold no #[test] function")
        self.wanted = self._wanted(candidate.entry_point, {item.name for item in source_of_tests.items})
        self.own_types = frozenset(item.name for item in source.items if self._is_own(item.name))

    def _functions(self, index: int, end: int, path: tuple[str, ...]) -> list[TestFunction]:
        """The tests between two token indices; on the way they and their modules are made public."""
        functions: list[TestFunction] = []
        attributes: list[list[Token]] = []
        while index < end:
            token, follows = self._tokens[index], self._tokens[min(index + 1, end - 1)]
            if token.text == "#" and index + 1 in self._pairs:
                attributes.append(self._tokens[index : self._pairs[index + 1] + 1])
                index = self._pairs[index + 1] + 1
                continue
            if token.text in ("fn", "mod") and token.kind == "ident":
                self._edits.append((self._visible_from(index), token.start, "pub "))
            if token.text == "fn":
                functions += self._test(attributes, (*path, follows.text))
            if token.text == "mod" and index + 2 in self._pairs:
                self._drop_attributes(attributes)
                functions += self._functions(index + 3, self._pairs[index + 2], (*path, follows.text))
            attributes = attributes if token.text in ("pub", "async", "const") else []
            index = self._pairs.get(index, index) + 1
        return functions

    def _visible_from(self, index: int) -> int:
        """Where the visibility in front of an item starts, or the item where it has none."""
        before = self._tokens[index - 1] if index else None
        return before.start if before is not None and before.text == "pub" else self._tokens[index].start

    def _drop_attributes(self, attributes: list[list[Token]]) -> None:
        for attribute in attributes:
            texts = [token.text for token in attribute[2:-1]]
            if texts[:1] in (["test"], ["should_panic"], ["ignore"]) or texts == ["cfg", "(", "test", ")"]:
                self._edits.append((attribute[0].start, attribute[-1].end, ""))

    def _test(self, attributes: list[list[Token]], path: tuple[str, ...]) -> list[TestFunction]:
        self._drop_attributes(attributes)
        heads = {attribute[2].text: attribute for attribute in attributes if len(attribute) > 3}
        if "test" not in heads or "ignore" in heads:
            return []
        panics = None
        if "should_panic" in heads:
            texts = [token.text for token in heads["should_panic"] if token.kind == "string"]
            panics = texts[0] if texts else '""'
        return [TestFunction("::".join(path), panics)]

    def _wanted(self, entry_point: str, defined: set[str]) -> frozenset[str]:
        """The candidate's names that the tests use and do not define."""
        words = {token.text for token in self._tokens if token.kind == "ident"} | {
            entry_point.split("::", maxsplit=1)[0]
        }
        if self.signature is not None:
            words |= set(self.signature.tokens)
        offered = {item.name for item in self._source.items}
        imported = {imports.imported_name(path) for path in self.prelude}
        names = (words & offered) - PROTECTED - imported - defined
        return frozenset(names | ({entry_point} if entry_point.isidentifier() else set()))

    def _is_own(self, name: str) -> bool:
        kinds = {item.keyword for item in self._source.items if item.name == name}
        return name in self.wanted and bool(kinds & {"struct", "enum", "union", "type", "trait"})

    def render(self, *, library: str, module: str, prelude: str, harness: str, here: str) -> str:
        """The test file, a module `here` of the test crate."""
        target = f"::{library}::{module}"
        lines = [f"use super::{prelude}::*;\n"] if self.prelude else []
        bound = self.signature.name if self.signature is not None else None
        lines += [f"use {target}::{name};\n" for name in sorted(self.wanted) if name != bound]
        if self.signature is not None:
            lines.append(self.signature.wrapper(f"{target}::{bound}"))
        equal = "own" if self.own_types else "plain"
        guards = guard_comparisons(self._tokens, self._pairs, harness, equal)
        edits = [*self._edits, *self._redirected(harness, here), *guards]
        return "".join(lines) + edited(self._text, edits)

    def _redirected(self, harness: str, here: str) -> list[tuple[int, int, str]]:
        """The `assert!` macros lead to the harness, `crate::` to the test file."""
        edits = []
        suffix = "_own" if self.own_types else ""
        for index, token in enumerate(self._tokens[:-1]):
            follows = self._tokens[index + 1].text
            if token.text in _ASSERTS and token.kind == "ident" and follows == "!":
                start = self._path_start(index)
                name = token.text.removeprefix("debug_")
                edits.append((start, token.end, f"::{harness}::{name}{suffix if name != 'assert' else ''}"))
            elif token.text == "crate" and follows == "::":
                edits.append((token.start, token.end, f"crate::{here}"))
        return edits

    def _path_start(self, index: int) -> int:
        """Where the path starts that a macro's name at `index` ends: `std::assert_eq` is one."""
        while index >= 1 and self._tokens[index - 1].text == "::":
            index -= 2 if index >= 2 and self._tokens[index - 2].kind == "ident" else 1
        return self._tokens[index].start
