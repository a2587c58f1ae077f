"""Items of Rust text by token: what they are called, where they start and end, what stands in front of them."""

from collections.abc import Sequence
from dataclasses import dataclass

from rustml.judge.screening.conditions import active
from rustml.rust.lexer import Token

_NAMED = frozenset({"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"})
_UNNAMED = frozenset({"impl", "use"})
_QUALIFIERS = frozenset({"unsafe", "async", "extern", "const", "default", "safe", "auto"})
_TO_SEMICOLON = frozenset({"const", "static", "type", "use"})
_RESTRICTIONS = frozenset({"crate", "self", "super", "in"})


@dataclass(frozen=True)
class Item:
    """One item; indices count tokens."""

    keyword: str
    """`fn`, `struct`, ..., `impl`, `use`, `macro_rules`; empty for what is none of them, such as a macro's call."""
    name: str
    """Empty where it has none."""
    first: int
    """Its first token behind attributes."""
    head: int
    """Its keyword."""
    end: int
    """Behind its last token."""
    attributes: tuple[tuple[int, int], ...]
    """Start and end of each attribute in front of it."""


class Scanner:
    """Finds items between two token indices. Every index is looked at once: the work is linear."""

    def __init__(self, stream: Sequence[Token], pairs: dict[int, int]) -> None:
        self.tokens, self.pairs = stream, pairs

    def text(self, index: int) -> str:
        """The token's text; empty behind the last."""
        return self.tokens[index].text if index < len(self.tokens) else ""

    def items(self, start: int, end: int) -> list[Item]:
        """The items between two indices, in order."""
        items, index = [], start
        while index < end:
            item = self.item(index, end)
            items.append(item)
            index = max(item.end, index + 1)
        return items

    def active(self, item: Item, *, test: bool) -> bool:
        """Whether an item is compiled at all."""
        return all(active(self.tokens[start:end], test=test) for start, end in item.attributes)

    def visibility_end(self, index: int) -> int:
        """Behind the visibility that starts at `index`; `index` itself where none does."""
        if self.text(index) != "pub":
            return index
        restricted = self.text(index + 1) == "(" and self.text(index + 2) in _RESTRICTIONS and index + 1 in self.pairs
        if restricted and (self.text(index + 2) == "in" or self.text(index + 3) == ")"):
            return self.pairs[index + 1] + 1
        return index + 1

    def attributes_end(self, index: int, end: int) -> tuple[int, tuple[tuple[int, int], ...]]:
        """Behind the attributes that start at `index`, and where each starts and ends."""
        spans = []
        while index < end and self.text(index) == "#":
            bracket = index + 2 if self.text(index + 1) == "!" else index + 1
            if self.text(bracket) != "[" or bracket not in self.pairs:
                break
            spans.append((index, self.pairs[bracket] + 1))
            index = self.pairs[bracket] + 1
        return index, tuple(spans)

    def item(self, index: int, end: int) -> Item:
        """The item that starts, attributes first, at `index`."""
        first, attributes = self.attributes_end(index, end)
        head = self.visibility_end(first)
        while head < end and self._qualifies(head):
            head += 2 if self.text(head) == "extern" and self._is_string(head + 1) else 1
        keyword, name = self._keyword(head)
        return Item(keyword, name, first, head, min(self.item_end(head, end, keyword), end), attributes)

    def _keyword(self, head: int) -> tuple[str, str]:
        word, follows = self.text(head), self.text(head + 1)
        if word == "macro_rules" and follows == "!":
            return word, self.text(head + 2)
        if word in _NAMED and head + 1 < len(self.tokens) and self.tokens[head + 1].kind == "ident":
            return word, self.text(head + 2) if (word, follows) == ("static", "mut") else follows
        return (word, "") if word in _UNNAMED else ("", "")

    def _qualifies(self, index: int) -> bool:
        word, follows = self.text(index), self.text(index + 1)
        if word == "const":
            return follows in ("fn", "unsafe", "async", "extern")
        if word == "extern":
            return follows not in ("crate", "{") and not (self._is_string(index + 1) and self.text(index + 2) == "{")
        return word in _QUALIFIERS and follows not in ("!", "::")

    def _is_string(self, index: int) -> bool:
        return index < len(self.tokens) and self.tokens[index].kind == "string"

    def item_end(self, index: int, end: int, keyword: str) -> int:
        """Behind the `;` or the `{…}` that ends an item. Braces among generic arguments end nothing."""
        angle = 0
        while index < end:
            text = self.text(index)
            angle += (text == "<") - (text in (">", ">="))
            if index in self.pairs:
                argument = angle > 0 and self.text(index - 1) in ("<", ",", "=")
                ends = text == "{" and keyword not in _TO_SEMICOLON and not argument
                index = self.pairs[index]
                if ends:
                    return index + 1
            index += 1
            if text == ";":
                return index
        return index
