"""The tests of one problem, made ready for a crate of their own.

The text of the tests is the problem's, not the candidate's. It is edited by token: test functions become callable,
and the `assert!` macros become the harness's. Which names it takes from the candidate says `visible_names`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rustml.errors import InputError
from rustml.judge.screening import imports, signature
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.dependency_macros import crate_names
from rustml.judge.screening.generated_tests import generated_tests
from rustml.judge.screening.guarded_asserts import guard_comparisons
from rustml.judge.screening.items import Item, Scanner
from rustml.judge.screening.visible_names import SHARED, library_globs, visible_names
from rustml.records import Candidate
from rustml.rust.lexer import Token, edited, spelled

_ASSERTS = {"assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne"}
_CATCHES = frozenset({"catch_unwind", "spawn", "scope", "set_hook", "take_hook"})
"""What tests use that expect a panic of their own to be caught."""
_MACHINE = {"fs": frozenset({"fs", "File", "OpenOptions"}), "env": frozenset({"env"})}
Edit = tuple[int, int, str]


@dataclass(frozen=True)
class TestFunction:
    """One `#[test]`."""

    path: str
    """Inside the test file, such as `tests::adds`."""
    panics: str | None
    """For `#[should_panic]`: a Rust string literal, the text that the panic must hold."""
    source: str = ""
    """As the problem has it."""


@lru_cache(maxsize=SHARED)
def _read(tests: str) -> CandidateSource:
    return CandidateSource(tests)


class TestFile:
    """The tests of one candidate."""

    def __init__(self, candidate: Candidate, source: CandidateSource) -> None:
        """Raises InputError for tests that cannot be read; what a candidate writes raises nothing."""
        own = _read(candidate.tests)
        self._text, self._tokens, self._head = own.code, own.tokens, own.inner_end
        self._words = own.identifiers
        if own.partners is None:
            raise InputError(f"candidate {candidate.id}: the delimiters of its tests do not match up")
        self._pairs, self._scanner = own.partners, Scanner(own.tokens, own.partners)
        self._source, self._entry = source, candidate.entry_point.split("::", maxsplit=1)[0]
        self._edits: list[Edit] = []
        self.functions = tuple(self._functions(0, len(self._tokens), ()))
        self._generated = tuple(generated_tests(self._scanner)) if "macro_rules" in self._words else ()
        if not self.functions and not self._generated:
            raise InputError(f"candidate {candidate.id}: its tests hold no #[test] function")
        self.prelude = tuple(
            path
            for path in dict.fromkeys((*imports.leaves(candidate.prelude), *imports.leaves(candidate.signature)))
            if imports.in_standard(path) or path.split("::", maxsplit=1)[0] in crate_names(candidate.dependencies)
        )
        declared = signature.parse(candidate.signature, candidate.entry_point)
        named = self._entry == candidate.entry_point  # what a path leads to, the tests import themselves
        self.signature = declared if candidate.pinned and named else None
        words = frozenset(declared.tokens) if declared is not None else frozenset[str]()
        given = frozenset(imports.imported_name(path) for path in self.prelude) - {"*"}
        self.names = visible_names(source, own, self._entry, words, given)
        if self.names.library:
            self.signature = None  # the tests import the entry point from the crate themselves

    @property
    def watched(self) -> bool:
        """Whether every panic that starts in the tests is meant to fail them."""
        return not _CATCHES & self._words

    @cached_property
    def machine(self) -> frozenset[str]:
        """The modules of the standard library about the machine that the tests use themselves."""
        return frozenset(module for module, names in _MACHINE.items() if self._words & names)

    @cached_property
    def comparable(self) -> tuple[str, ...] | None:
        """The candidate's types that the tests may compare: without a signature, those that they reach by name."""
        if self.signature is not None or not self._source.own_types.reachable:
            return None
        written = self._source.modules.written.keys() & self._words
        return tuple(sorted(self._source.own_types.named_by(self._words) | written))

    def _functions(self, start: int, end: int, path: tuple[str, ...]) -> Iterator[TestFunction]:
        """The tests between two token indices; on the way they and their modules are made public."""
        for item in self._scanner.items(start, end):
            if not self._scanner.active(item, test=True):
                continue
            body = item.head + 2
            if item.keyword == "mod" and body in self._pairs:
                self._publish(item)
                yield from self._functions(body + 1, self._pairs[body], (*path, spelled(item.name)))
            elif item.keyword == "fn":
                yield from self._test(item, (*path, spelled(item.name)))

    def _publish(self, item: Item) -> None:
        end = self._scanner.visibility_end(item.first)
        start = self._tokens[item.first].start
        self._edits.append((start, self._tokens[end].start if end > item.first else start, "pub "))

    def _test(self, item: Item, path: tuple[str, ...]) -> Iterator[TestFunction]:
        heads: dict[str, list[Token]] = {}
        for start, end in item.attributes:
            attribute = self._tokens[start:end]
            name = attribute[2].text
            heads[name] = attribute
            if name in ("test", "should_panic", "ignore"):
                self._edits.append((attribute[0].start, attribute[-1].end, ""))
        if "test" not in heads or "ignore" in heads:
            return
        self._publish(item)
        panics = None
        if "should_panic" in heads:
            texts = [token.text for token in heads["should_panic"] if token.kind == "string"]
            panics = texts[0] if texts else '""'
        source = self._text[self._tokens[item.first].start : self._tokens[item.end - 1].end]
        yield TestFunction("::".join(path), panics, source)

    def render(self, *, root: str, prelude: str, harness: str, given: str, here: str) -> tuple[str, range]:
        """The test file, a module `here` of the test crate, and the bytes of it that pin the candidate.

        The candidate is the module or crate `root`; what it gives is imported by the module `given`.
        """
        pinned = self._pinned(root, harness) if self.signature is not None else ""
        opening = self._opening(root, prelude, given)
        text = self._rendered(opening + pinned, harness, given, here)
        before = len((self._text[: self._head] + opening).encode("utf-8", "surrogatepass"))
        return text, range(before, before + len(pinned.encode("utf-8", "surrogatepass")))

    @cached_property
    def shared_by(self) -> tuple[object, ...] | None:
        """What candidates have in common whose tests can be one module, that calls one or another; None for none.

        Such tests get nothing from the candidate but a function of the declared type.
        """
        names, declared = self.names, self.signature
        if declared is None or not declared.plain or self._constant(declared.name) or self._head:
            return None
        if names.own != {declared.name} or names.macros or names.library or names.globs:
            return None
        return self._text, self.prelude, declared, names.standard

    def render_pin(self, root: str, harness: str) -> tuple[str, range]:
        """A module inside of shared tests that pins one candidate, and the bytes of it that do so."""
        opening, pinned = "#[allow(unused_imports)] use super::*;\n", self._pinned(root, harness)
        return opening + pinned, range(len(opening), len((opening + pinned).encode("utf-8", "surrogatepass")))

    def render_shared(
        self, targets: Mapping[int, str], *, root: str, prelude: str, harness: str, given: str, here: str
    ) -> str:
        """The test file for several candidates, each in a module inside, by the number under which it is chosen."""
        assert self.signature is not None
        modules = "".join(f"mod {module};\n" for module in targets.values())
        paths = {number: f"self::{module}::{spelled(self.signature.name)}" for number, module in targets.items()}
        opening = self._opening(root, prelude, given) + modules
        return self._rendered(opening + self.signature.chooser(paths, f"::{harness}::chosen()"), harness, given, here)

    def _opening(self, root: str, prelude: str, given: str) -> str:
        """The imports that the tests begin with."""
        supplied = f"#[allow(unused_imports)] use super::{prelude}::*;\n" if self.prelude else ""
        own = f"mod {given} {{\n{self._given(root)}}}\n#[allow(unused_imports)] use self::{given}::*;\n"
        return supplied + own

    def _pinned(self, root: str, harness: str) -> str:
        assert self.signature is not None
        name = self.signature.name
        return self.signature.wrapper(f"{root}::{spelled(name)}", harness, constant=self._constant(name))

    def _rendered(self, opening: str, harness: str, given: str, here: str) -> str:
        """The tests behind `opening`, with their edits."""
        starts = list(self._asserts())
        edits = [*self._edits, *self._redirected(harness, here, starts), *self._taken(f"crate::{here}::{given}")]
        for test in self._generated:
            edits += [(*test.mark, test.registration(harness, f"{here}.rs")), *((*at, "") for at in test.other_marks)]
        edits += guard_comparisons(self._tokens, self._pairs, harness, starts)
        return edited(self._text, [*edits, (self._head, self._head, opening)])

    def _given(self, root: str) -> str:
        bound = self.signature.name if self.signature is not None else None
        names = [f"{root}::{spelled(name)}" for name in sorted(self.names.own) if name != bound]
        names += [f"::{root.split('::')[1]}::{spelled(name)}" for name in sorted(self.names.macros)]
        names += [f"::{path.removeprefix('::')}" for path in self.names.standard]
        return f"{_uses(names)}{''.join(self._modules(root))}"

    def _modules(self, root: str) -> Iterator[str]:
        """A module for each glob by which the tests take from the candidate's crate."""
        for number, (path, names) in enumerate(sorted(self.names.globs.items())):
            inside = "::".join((root, *map(spelled, path)))
            yield f"    pub mod g{number} {{\n{_uses([f'{inside}::{spelled(name)}' for name in sorted(names)])}}}\n"

    def _taken(self, given: str) -> Iterator[Edit]:
        """Such a glob leads to its module, which holds nothing that changes what other words of the tests mean."""
        numbers = {path: number for number, path in enumerate(sorted(self.names.globs))}
        for start, end, path in library_globs(self._tokens, self.names.library):
            first = start - (self._tokens[start - 1].text == "::")
            yield self._tokens[first].start, self._tokens[end - 1].end, f"{given}::g{numbers[path]}::*"

    def _constant(self, name: str) -> bool:
        """Whether the candidate's function may be called where constants are made, and the tests make some."""
        heads = [item for item in self._source.items if item.name == name and item.keyword == "fn"]
        words = {token.text for item in heads for token in self._source.tokens[item.first : item.head]}
        return "const" in words and any(token.text in ("const", "static") for token in self._tokens)

    def _asserts(self) -> Iterator[int]:
        """The names of the `assert!` macros, but where a constant is made: only the language's types compare there."""
        constant = -1
        for index, token in enumerate(self._tokens[:-1]):
            if token.text in ("const", "static") and index >= constant:
                constant = self._constant_end(index)
            called = token.text in _ASSERTS and self._tokens[index + 1].text == "!"
            if called and token.kind == "ident" and index >= constant:
                yield index

    def _constant_end(self, index: int) -> int:
        if index + 1 in self._pairs:
            return self._pairs[index + 1]
        words = [token.text for token in self._tokens[index + 1 : index + 4]]
        named = words[1:2] == [":"] or (words[:1] == ["mut"] and words[2:3] == [":"]) or "fn" in words
        return self._scanner.item(index, len(self._tokens)).end if named else index

    def _redirected(self, harness: str, here: str, starts: list[int]) -> Iterator[Edit]:
        """The `assert!` macros lead to the harness, `crate::` to the test file."""
        for index in starts:
            start, token = self._path_start(index), self._tokens[index]
            yield start, token.end, f"::{harness}::{token.text.removeprefix('debug_')}"
        for index, token in enumerate(self._tokens[:-1]):
            if token.text == "crate" and token.kind == "ident" and self._tokens[index + 1].text == "::":
                yield token.start, token.end, f"crate::{here}"
            if token.text == "extern" and [one.text for one in self._tokens[index + 1 : index + 4]] == [
                "crate", self.names.library, ";"
            ]:  # fmt: skip
                yield token.start, self._tokens[index + 3].end, ""

    def _path_start(self, index: int) -> int:
        """Where the path starts that a macro's name at `index` ends: `std::assert_eq` is one."""
        while index >= 1 and self._tokens[index - 1].text == "::":
            index -= 2 if index >= 2 and self._tokens[index - 2].kind == "ident" else 1
        return self._tokens[index].start


def _uses(names: list[str]) -> str:
    return "".join(f"    #[allow(unused_imports)] pub use {name};\n" for name in dict.fromkeys(names))
