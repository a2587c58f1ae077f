"""Items that the macros of a text write, as far as their rules show them: what is private there.

A rule is read like a file: its items, `$(…)*` around them, fields and methods.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from rustml.judge.screening.item_parts import (
    VISIBLE,
    WITH_FIELDS,
    Edit,
    behind_comma,
    body_of,
    implements,
    visibility,
)
from rustml.judge.screening.items import Item, Scanner

_METHODS = frozenset({"fn", "const", "type"})
_REPEATS = ("*", "+", "?")
_LONGEST_HEAD = 200
"""Tokens of the head of an `impl` that are looked at."""


@dataclass
class Rule:
    """One rule of a macro."""

    pattern: range
    """What stands inside the delimiters of its pattern, by token."""
    body: range
    edits: list[Edit] = field(default_factory=list)
    """What makes its items public."""
    passes: bool = False
    """Whether it writes items that it is handed."""


def macros(scanner: Scanner) -> dict[str, list[Rule]]:
    """The rules of each macro that the text defines."""
    found: dict[str, list[Rule]] = {}
    for index in range(len(scanner.tokens)):
        if scanner.text(index) == "macro_rules" and scanner.text(index + 1) == "!" and index + 3 in scanner.pairs:
            found.setdefault(scanner.text(index + 2), []).extend(_rules(scanner, index + 3))
    return found


def macro_edits(scanner: Scanner, rules: dict[str, list[Rule]]) -> Iterator[Edit]:
    """Edits that publish what macros write, except where a trait's items must say nothing of visibility."""
    closed = _closed(scanner, rules)
    for name in rules.keys() - closed:
        for rule in rules[name]:
            yield from rule.edits


def calls(scanner: Scanner, indices: range) -> Iterator[str]:
    """The names of the macros that are called between two tokens."""
    for index in indices:
        if scanner.text(index) == "!" and index + 1 in scanner.pairs:
            yield scanner.text(index - 1)


def _rules(scanner: Scanner, opening: int) -> list[Rule]:
    rules, index, end = [], opening + 1, scanner.pairs[opening]
    while index < end:
        if index not in scanner.pairs:
            index += 1
            continue
        pattern = range(index + 1, scanner.pairs[index])
        index = scanner.pairs[index] + 1
        while index < end and index not in scanner.pairs:
            index += 1
        if index < end:
            rule = Rule(pattern, range(index + 1, scanner.pairs[index]))
            _Reader(scanner, rule).items(rule.body.start, rule.body.stop, methods=False, top=True)
            rules.append(rule)
            index = scanner.pairs[index] + 1
    return rules


def _closed(scanner: Scanner, rules: dict[str, list[Rule]]) -> set[str]:
    """Macros that are called in a trait or in an implementation of one, directly or by another macro."""
    names: set[str] = set()
    for index in range(len(scanner.tokens)):
        if scanner.text(index) in ("impl", "trait") and (opening := _trait_body(scanner, index)) is not None:
            at = opening + 1
            while at < scanner.pairs[opening]:
                if scanner.text(at) == "!":
                    names.add(scanner.text(at - 1))
                at = scanner.pairs.get(at, at) + 1
    waiting = list(names)
    while waiting:
        called = {one for rule in rules.get(waiting.pop(), ()) for one in calls(scanner, rule.body)}
        waiting += called - names
        names |= called
    return names


def _trait_body(scanner: Scanner, index: int) -> int | None:
    """The brace that opens a trait, or an implementation of one, whose keyword stands at `index`."""
    follows = index + 1
    while follows < min(index + _LONGEST_HEAD, len(scanner.tokens)) and scanner.text(follows) not in (";", ")", "}"):
        if scanner.text(follows) == "{":
            item = Item(scanner.text(index), "", index, index, follows, ())
            trait = item.keyword == "trait" or implements(scanner, item, follows)
            return follows if trait and follows in scanner.pairs else None
        follows = scanner.pairs.get(follows, follows) + 1
    return None


class _Reader:
    """Reads the body of one rule. Each token is looked at once."""

    def __init__(self, scanner: Scanner, rule: Rule) -> None:
        self._scanner, self._rule = scanner, rule
        four = zip(*(range(rule.pattern.start + by, rule.pattern.stop) for by in range(4)), strict=False)
        kinds = [tuple(map(scanner.text, indices)) for indices in four]
        variables = [(name, kind) for dollar, name, colon, kind in kinds if (dollar, colon) == ("$", ":")]
        self._visibilities = {name for name, kind in variables if kind == "vis"}
        self._handed = {name for name, kind in variables if kind in ("tt", "item")}

    def items(self, index: int, end: int, *, methods: bool, top: bool) -> None:
        """The items between two tokens: of a module, or the methods of a type."""
        while index < end:
            index, _ = self._scanner.attributes_end(index, end)
            if self._repeats(index):
                self.items(index + 2, self._scanner.pairs[index + 1], methods=methods, top=top)
                index = behind_repetition(self._scanner, index)
            elif top and self._scanner.text(index) == "$" and self._scanner.text(index + 1) in self._handed:
                self._rule.passes, index = True, index + 2
            elif index < end:
                index = max(self._item(index, end, methods=methods), index + 1)

    def _repeats(self, index: int) -> bool:
        return self._scanner.text(index) == "$" and index + 1 in self._scanner.pairs

    def _item(self, first: int, end: int, *, methods: bool) -> int:
        scanner = self._scanner
        start = first + 2 if self._is_visibility(first) else first
        item = scanner.item(start, end)
        keyword = scanner.text(item.head)
        if keyword in VISIBLE and (keyword in _METHODS or not methods):
            self._publish(first, start)
        item = Item(keyword, "", item.first, item.head, scanner.item_end(item.head, end, keyword), ())
        self._inside(item)
        return item.end

    def _inside(self, item: Item) -> None:
        body = body_of(self._scanner, item)
        if body is None:
            return
        if item.keyword in WITH_FIELDS:
            self._fields(body + 1, self._scanner.pairs[body], named=self._scanner.text(body) == "{")
        elif item.keyword == "mod" or not implements(self._scanner, item, body):
            self.items(body + 1, self._scanner.pairs[body], methods=item.keyword == "impl", top=False)

    def _fields(self, index: int, end: int, *, named: bool) -> None:
        scanner = self._scanner
        while index < end:
            index, _ = scanner.attributes_end(index, end)
            if self._repeats(index):
                self._fields(index + 2, scanner.pairs[index + 1], named=named)
                index = behind_repetition(scanner, index)
            elif index < end:
                start = index + 2 if self._is_visibility(index) else index
                name = scanner.visibility_end(start)
                colon = name + (2 if scanner.text(name) == "$" else 1)
                if not named or scanner.text(colon) == ":":
                    self._publish(index, start)
                index = behind_comma(scanner, index, end)

    def _is_visibility(self, index: int) -> bool:
        return self._scanner.text(index) == "$" and self._scanner.text(index + 1) in self._visibilities

    def _publish(self, first: int, start: int) -> None:
        """Make public what starts at `first`, or behind a variable for its visibility at `start`."""
        if start > first:
            tokens = self._scanner.tokens
            self._rule.edits.append((tokens[first].start, tokens[start - 1].end, "pub"))
        else:
            self._rule.edits += visibility(self._scanner, first)


def behind_repetition(scanner: Scanner, index: int) -> int:
    """Behind `$(…)`, its separator and its operator; `index` is that of the `$`."""
    behind = scanner.pairs[index + 1] + 1
    return behind + (1 if scanner.text(behind) in _REPEATS else 2)
