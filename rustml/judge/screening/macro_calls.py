"""What a macro's call writes, by matching the call with the macro's rules."""

from collections.abc import Iterator

from rustml.judge.screening.items import Scanner
from rustml.judge.screening.macro_items import Rule, behind_repetition

_ONE_TREE = frozenset({"tt", "literal", "lifetime", "block"})
_ENDS = frozenset({",", ";", "=>", "="})
"""What ends a fragment of many tokens at the end of a repetition."""


def written(scanner: Scanner, rules: list[Rule], call: range) -> Iterator[tuple[str, str]]:
    """Keyword and name of each item that a call writes at its top level; `call` is what stands in its delimiters."""
    for rule in rules:
        found: dict[str, list[int]] = {}
        if _Match(scanner, found).run(rule.pattern.start, rule.pattern.stop, call.start, call.stop) == call.stop:
            if rule.passes:
                yield from ((item.keyword, item.name) for item in scanner.items(call.start, call.stop) if item.name)
            for keyword, at in rule.names:
                if scanner.text(at) != "$":
                    yield keyword, scanner.text(at)
                else:
                    yield from ((keyword, scanner.text(index)) for index in found.get(scanner.text(at + 1), ()))
            return


class _Match:
    """Matches without going back, and notes where the identifiers are that variables stand for."""

    def __init__(self, scanner: Scanner, found: dict[str, list[int]]) -> None:
        self._scanner, self._found = scanner, found

    def run(self, index: int, end: int, at: int, stop: int) -> int | None:
        """Behind the tokens from `at` on that the pattern between `index` and `end` matches; None where it does not."""
        scanner, behind = self._scanner, at
        while index < end:
            if scanner.text(index) == "$" and index + 1 in scanner.pairs:
                behind = self._repeated(index, behind, stop)
                index = behind_repetition(scanner, index)
                continue
            width = 4 if scanner.text(index) == "$" else scanner.pairs.get(index, index) + 1 - index
            following = scanner.text(index + width) if index + width < end else ""
            step = self._one(index, behind, stop, following)
            if step is None:
                return None
            index, behind = index + width, step
        return behind

    def _repeated(self, index: int, at: int, stop: int) -> int:
        scanner = self._scanner
        closing = scanner.pairs[index + 1]
        separator = scanner.text(closing + 1) if behind_repetition(scanner, index) == closing + 3 else ""
        while at < stop:
            behind = self.run(index + 2, closing, at, stop)
            if behind is None or behind == at:
                break
            at = behind
            if separator and (at >= stop or scanner.text(at) != separator or at + 1 >= stop):
                break
            at += bool(separator)
        return at

    def _one(self, index: int, at: int, stop: int, following: str) -> int | None:
        scanner = self._scanner
        if scanner.text(index) == "$":
            return self._fragment(scanner.text(index + 1), scanner.text(index + 3), at, stop, following)
        if at >= stop or scanner.text(index) != scanner.text(at):
            return None
        if index in scanner.pairs:
            inner = self.run(index + 1, scanner.pairs[index], at + 1, scanner.pairs.get(at, at))
            return scanner.pairs[at] + 1 if at in scanner.pairs and inner == scanner.pairs[at] else None
        return at + 1

    def _fragment(self, name: str, kind: str, at: int, stop: int, following: str) -> int | None:
        scanner = self._scanner
        if kind == "vis":
            return scanner.visibility_end(at)
        if at >= stop:
            return None
        if kind == "ident":
            self._found.setdefault(name, []).append(at)
            return at + 1 if scanner.tokens[at].kind == "ident" else None
        if kind in _ONE_TREE:
            at += kind == "literal" and scanner.text(at) == "-"
            return scanner.pairs.get(at, at) + 1
        ends = {following} if following else _ENDS
        while at < stop and scanner.text(at) not in ends:
            at = scanner.pairs.get(at, at) + 1
        return at
