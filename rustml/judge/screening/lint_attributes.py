"""Attributes about lints: none stops a compilation, and none silences what a verdict counts.

Every edit keeps the length of the text, so that what the compiler says about offsets stays true.
"""

from collections.abc import Iterator

from rustml.judge.screening.items import Scanner

Edit = tuple[int, int, str]
_SILENCING = (("clippy", "::", "msrv"), ("automatically_derived",))


def lint_edits(scanner: Scanner) -> Iterator[Edit]:
    """`deny` and `forbid` say `warn`: cargo, too, builds code that only clippy denies. What silences lints goes."""
    behind = 0
    for index, token in enumerate(scanner.tokens):
        if token.text != "#" or index < behind:
            continue
        bracket = index + (2 if scanner.text(index + 1) == "!" else 1)
        if scanner.text(bracket) == "[" and bracket in scanner.pairs:
            yield from _attribute(scanner, index, bracket, scanner.pairs[bracket])
            behind = scanner.pairs[bracket] + 1


def _attribute(scanner: Scanner, start: int, bracket: int, end: int) -> Iterator[Edit]:
    texts = [token.text for token in scanner.tokens[bracket + 1 : end]]
    for words in _SILENCING:
        if any(tuple(texts[at : at + len(words)]) == words for at in range(len(texts))):
            first, last = scanner.tokens[start].start, scanner.tokens[end].end
            yield first, last, " " * (last - first)
            return
    for at in range(bracket, end):
        token = scanner.tokens[at]
        if token.text in ("deny", "forbid") and token.kind == "ident" and scanner.text(at + 1) == "(":
            yield token.start, token.end, "warn".ljust(token.end - token.start)
