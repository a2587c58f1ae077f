"""Tests that stand inside a macro of the tests: the text does not say how many there are, nor what they are called."""

from collections.abc import Iterator
from dataclasses import dataclass

from rustml.judge.screening.items import Scanner

_MARKS = frozenset({"test", "should_panic", "ignore"})


@dataclass(frozen=True)
class GeneratedTest:
    """One `#[test]` inside a `macro_rules!`."""

    name: str
    """What the function is called there, such as `$name`."""
    panics: str | None
    """For `#[should_panic]`: a Rust string literal."""
    ignored: bool
    mark: tuple[int, int]
    """Offsets of `#[test]`."""
    other_marks: tuple[tuple[int, int], ...]
    """Offsets of the other attributes that only a test may have."""

    def registration(self, harness: str, file: str) -> str:
        """What stands in the place of `#[test]`: a static that the harness finds."""
        if self.ignored:
            return ""
        panics = "None" if self.panics is None else f"Some({self.panics})"
        test = f"::{harness}::Test {{ call: || ::{harness}::Outcome::succeeded({self.name}()), panics: {panics} }}"
        return (
            'const _: () = { #[used] #[unsafe(link_section = "rustml_tests")] '
            f'static ENTRY: ::{harness}::Registered = ::{harness}::Registered {{ file: "{file}", test: {test} }}; }}; '
        )


def generated_tests(scanner: Scanner) -> Iterator[GeneratedTest]:
    """The tests inside macros, in order of position."""
    behind = 0
    for index, token in enumerate(scanner.tokens):
        body = index + 3
        if index < behind or token.text != "macro_rules" or scanner.text(index + 1) != "!":
            continue
        if body in scanner.pairs:
            yield from _inside(scanner, body + 1, scanner.pairs[body])
            behind = scanner.pairs[body] + 1


def _inside(scanner: Scanner, index: int, end: int) -> Iterator[GeneratedTest]:
    while index < end:
        behind, attributes = scanner.attributes_end(index, end)
        marked = [span for span in attributes if scanner.text(span[0] + 2) in _MARKS]
        if any(scanner.text(start + 2) == "test" for start, _ in marked):
            test = _test(scanner, behind, end, marked)
            if test is not None:
                yield test
        index = max(behind, index + 1)


def _test(scanner: Scanner, index: int, end: int, marked: list[tuple[int, int]]) -> GeneratedTest | None:
    while index < end and scanner.text(index) != "fn":
        index += 1
    name = "".join(scanner.text(at) for at in range(index + 1, min(index + 3, end)) if scanner.text(at) != "(")
    offsets = {scanner.text(start + 2): (start, stop) for start, stop in marked}
    panics = None
    if "should_panic" in offsets:
        texts = [token.text for token in scanner.tokens[slice(*offsets["should_panic"])] if token.kind == "string"]
        panics = texts[0] if texts else '""'
    places = {
        word: (scanner.tokens[start].start, scanner.tokens[stop - 1].end) for word, (start, stop) in offsets.items()
    }
    mark = places.pop("test")
    return GeneratedTest(name, panics, "ignore" in offsets, mark, tuple(places.values())) if index < end else None
