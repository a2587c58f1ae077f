"""What calls of a text's own macros write: each call is expanded as by rustc, and so are those in what it writes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rustml.judge.screening.items import Scanner
from rustml.judge.screening.macro_items import Rule, behind_repetition
from rustml.rust.lexer import Token, partners

_ONE_TREE = frozenset({"tt", "literal", "lifetime", "block"})
_ENDS = frozenset({",", ";", "=>", "="})
"""What ends a fragment of many tokens at the end of a repetition."""
_MOST = 100_000
"""Tokens that are matched and written for one text: beyond them nothing more is expanded."""
Bindings = dict[str, Any]
"""What each variable stands for: tokens, or a list of that, one per repetition."""


class _Spent(Exception):
    """The text's macros write more than is looked at."""


def written(scanner: Scanner, rules: Mapping[str, Sequence[Rule]], calls: Sequence[int]) -> Iterator[tuple[str, str]]:
    """Keyword and name of each item that some calls write at their top level; `calls` are the tokens of their names."""
    budget = _Budget()
    waiting = [(scanner, head) for head in reversed(calls)]
    while waiting:
        stream, head = waiting.pop()
        call = range(head + 3, stream.pairs[head + 2])
        try:
            expanded = _expanded(scanner, rules.get(stream.text(head), ()), stream, call, budget)
        except _Spent:
            return
        inner = Scanner(expanded, partners(expanded) or {})
        for item in inner.items(0, len(expanded)):
            if item.keyword and item.name and inner.active(item, test=False):
                yield item.keyword, item.name
            elif not item.keyword and inner.text(item.head + 1) == "!" and item.head + 2 in inner.pairs:
                waiting.append((inner, item.head))


def _expanded(scanner: Scanner, rules: Sequence[Rule], stream: Scanner, call: range, budget: "_Budget") -> list[Token]:
    """What the first rule that matches a call writes; nothing where none does."""
    for rule in rules:
        bound: Bindings = {}
        match = _Match(scanner, stream, budget)
        if match.run(rule.pattern.start, rule.pattern.stop, call.start, call.stop, bound) == call.stop:
            out: list[Token] = []
            _Writer(scanner, budget, out).run(rule.body.start, rule.body.stop, bound)
            return out
    return []


class _Budget:
    def __init__(self) -> None:
        self._left = _MOST

    def spend(self, tokens: int = 1) -> None:
        """Raises _Spent where nothing is left."""
        self._left -= tokens
        if self._left < 0:
            raise _Spent


def _variables(scanner: Scanner, start: int, end: int) -> list[str]:
    """The names behind `$` between two tokens."""
    return [scanner.text(at + 1) for at in range(start, end - 1) if scanner.text(at) == "$"]


class _Writer:
    """Writes the body of a rule."""

    def __init__(self, scanner: Scanner, budget: _Budget, out: list[Token]) -> None:
        self._scanner, self._budget, self._out = scanner, budget, out

    def run(self, index: int, end: int, bound: Bindings) -> None:
        """The tokens between two indices, with what the variables stand for."""
        scanner = self._scanner
        while index < end:
            held = bound.get(scanner.text(index + 1)) if scanner.text(index) == "$" else None
            if scanner.text(index) == "$" and index + 1 in scanner.pairs:
                self._repeated(index, bound)
                index = behind_repetition(scanner, index)
            elif isinstance(held, tuple):
                self._add(held)
                index += 2
            else:
                self._add(scanner.tokens[index : index + 1])
                index += 1

    def _repeated(self, index: int, bound: Bindings) -> None:
        scanner, closing = self._scanner, self._scanner.pairs[index + 1]
        separated = behind_repetition(scanner, index) == closing + 3
        held = {name: bound.get(name) for name in _variables(scanner, index + 2, closing)}
        lists = {name: turns for name, turns in held.items() if isinstance(turns, list)}
        for turn in range(min(map(len, lists.values()), default=0)):
            self._budget.spend(len(bound))
            if turn and separated:
                self._add(scanner.tokens[closing + 1 : closing + 2])
            self.run(index + 2, closing, {**bound, **{name: turns[turn] for name, turns in lists.items()}})

    def _add(self, stream: Sequence[Token]) -> None:
        self._budget.spend(1 + len(stream))
        self._out.extend(stream)


class _Match:
    """Matches a call with a pattern, without going back, and notes what variables stand for."""

    def __init__(self, scanner: Scanner, call: Scanner, budget: _Budget) -> None:
        self._scanner, self._call, self._budget = scanner, call, budget

    def run(self, index: int, end: int, at: int, stop: int, bound: Bindings) -> int | None:
        """Behind the tokens from `at` on that the pattern between `index` and `end` matches; None where it does not."""
        scanner, behind = self._scanner, at
        while index < end:
            self._budget.spend()
            if scanner.text(index) == "$" and index + 1 in scanner.pairs:
                behind = self._repeated(index, behind, stop, bound)
                index = behind_repetition(scanner, index)
                continue
            width = 4 if scanner.text(index) == "$" else scanner.pairs.get(index, index) + 1 - index
            following = scanner.text(index + width) if index + width < end else ""
            step = self._one(index, behind, stop, following, bound)
            if step is None:
                return None
            index, behind = index + width, step
        return behind

    def _repeated(self, index: int, at: int, stop: int, bound: Bindings) -> int:
        scanner, call = self._scanner, self._call
        closing = scanner.pairs[index + 1]
        separator = scanner.text(closing + 1) if behind_repetition(scanner, index) == closing + 3 else ""
        turns: list[Bindings] = []
        while at < stop:
            turn: Bindings = {}
            behind = self.run(index + 2, closing, at, stop, turn)
            if behind is None or behind == at:
                break
            at = behind
            turns.append(turn)
            if separator and (at >= stop or call.text(at) != separator or at + 1 >= stop):
                break
            at += bool(separator)
        for name in _variables(scanner, index + 2, closing):
            bound[name] = [turn[name] for turn in turns if name in turn]
        return at

    def _one(self, index: int, at: int, stop: int, following: str, bound: Bindings) -> int | None:
        scanner, call = self._scanner, self._call
        if scanner.text(index) == "$":
            behind = self._fragment(scanner.text(index + 3), at, stop, following)
            if behind is not None:
                self._budget.spend(behind - at)
                bound[scanner.text(index + 1)] = tuple(call.tokens[at:behind])
            return behind
        if at >= stop or scanner.text(index) != call.text(at):
            return None
        if index in scanner.pairs:
            inner = self.run(index + 1, scanner.pairs[index], at + 1, call.pairs.get(at, at), bound)
            return call.pairs[at] + 1 if at in call.pairs and inner == call.pairs[at] else None
        return at + 1

    def _fragment(self, kind: str, at: int, stop: int, following: str) -> int | None:
        """Behind a fragment of this kind; None where there is none."""
        call = self._call
        if kind == "vis":
            return call.visibility_end(at)
        if at >= stop:
            return None
        if kind == "ident":
            return at + 1 if call.tokens[at].kind == "ident" else None
        if kind in _ONE_TREE:
            at += kind == "literal" and call.text(at) == "-"
            return call.pairs.get(at, at) + 1
        if kind == "item":
            return min(call.item(at, stop).end, stop)
        ends = {following} if following else _ENDS
        while at < stop and call.text(at) not in ends:
            at = call.pairs.get(at, at) + 1
        return at
