"""What a candidate's text says about itself before a compiler reads it."""

from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest

from rustml.judge.screening.unsoundness import known_unsoundness
from rustml.rust.lexer import Token, closing, depth, edited, partners, significant, tokens

DEEPEST = 100
"""Delimiters nested deeper than this are compiled alone: a few thousand overflow the stack of rustc."""

_ITEMS = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"}
_QUALIFIERS = {"pub", "unsafe", "async", "extern", "const", "default", "safe"}
_ALONE = {
    "crate": "names its crate",
    "macro_export": "exports a macro",
    "extern": "declares something external",
    "global_allocator": "sets the allocator",
    "panic_handler": "handles panics",
    "include": "includes a file",
    "include_str": "includes a file",
    "include_bytes": "includes a file",
    "path": "may name a file",
    "proc_macro": "is a macro crate",
    "no_std": "sets crate attributes",
    "file": "looks at its own source position",
    "module_path": "looks at its own source position",
    "type_name": "looks at its own source position",
    "caller": "looks at its own source position",
}
_FORBIDDEN = {"unsafe": "unsafe code", "asm": "inline assembly", "global_asm": "inline assembly"}


@dataclass(frozen=True)
class Item:
    """A top-level item: its keyword, its name, and the index of its first token behind attributes."""

    keyword: str
    name: str
    first: int
    head: int
    """Index of the keyword."""


class CandidateSource:
    """A candidate's code with what the judge has to know to compile it."""

    def __init__(self, code: str) -> None:
        self.code = code
        stream = tokens(code)
        self.tokens = significant(stream)
        self._head = _head(stream)
        self.partners = partners(self.tokens)

    @property
    def lexes(self) -> bool:
        """Whether every character belongs to a token and every delimiter has its partner."""
        return self.partners is not None and not any(token.kind == "broken" for token in self.tokens)

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier and keyword in it."""
        return frozenset(token.text for token in self.tokens if token.kind == "ident")

    @cached_property
    def forbidden(self) -> str | None:
        """The forbidden means that the text names by a keyword, if any."""
        for token, follows in zip_longest(self.tokens, self.tokens[1:]):
            macro = follows is not None and follows.text == "!"
            if token.kind == "ident" and token.text in _FORBIDDEN and (token.text == "unsafe" or macro):
                return _FORBIDDEN[token.text]
        return known_unsoundness(self.tokens)

    @cached_property
    def compares_by_hand(self) -> bool:
        """Whether it may define an equality or an order other than a derived one: by name, or by a macro."""
        named = [index for index, token in enumerate(self.tokens) if token.text in ("PartialEq", "PartialOrd")]
        return "macro_rules" in self.identifiers or not all(self._in_derive(index) for index in named)

    def _in_derive(self, index: int) -> bool:
        while index > 0 and self.tokens[index].text not in "(;{}":
            index -= 1
        return [token.text for token in self.tokens[max(index - 3, 0) : index]] == ["#", "[", "derive"]

    @cached_property
    def alone(self) -> str | None:
        """Why this candidate must not share a compilation with others, or None."""
        if not self.lexes:
            return "does not lex"
        if depth(self.tokens) > DEEPEST:
            return "nests deeply"
        named = self.identifiers & _ALONE.keys()
        if named:
            return _ALONE[min(named)]
        return self._reaches_out()

    def _reaches_out(self) -> str | None:
        texts = [token.text for token in self.tokens]
        for index, text in enumerate(texts):
            following = texts[index + 1 : index + 3]
            if text == "#" and following[:1] == ["!"]:
                return "sets crate attributes"
            if text == "mod" and following[1:] == [";"]:
                return "names a file"
            if text == "super" and not self._in_module(index):
                return "names its crate"
            if text == "impl" and self._foreign_impl(index):
                return "implements a trait for a foreign type"
            if text == "macro_rules" and "impl" in self.identifiers:
                return "may implement a trait by a macro"
        return None

    def _in_module(self, index: int) -> bool:
        return any(start < index < end for start, end in self._modules)

    @cached_property
    def _modules(self) -> list[tuple[int, int]]:
        assert self.partners is not None
        texts = [token.text for token in self.tokens]
        return [(start, end) for start, end in self.partners.items() if start >= 2 and texts[start - 2] == "mod"]

    def _foreign_impl(self, index: int) -> bool:
        """Whether `impl … for T` at `index` may influence what the compiler infers in other modules of the crate."""
        for at in range(index + 1, len(self.tokens)):
            text = self.tokens[at].text
            if text in ("{", ";"):
                return False
            if text == "for" and self.tokens[at + 1].text != "<":
                return self.tokens[at + 1].text not in self._types
        return False

    @cached_property
    def _types(self) -> frozenset[str]:
        pairs = zip(self.tokens, self.tokens[1:], strict=False)
        return frozenset(name.text for word, name in pairs if word.text in ("struct", "enum", "union"))

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items at the top level, in order; none where the delimiters do not match up."""
        items, index = [], 0
        if self.partners is None:
            return ()
        while index < len(self.tokens):
            item, index = self._item(index)
            if item is not None:
                items.append(item)
        return tuple(items)

    def _item(self, index: int) -> tuple[Item | None, int]:
        index = self._behind_attributes(index)
        first = index
        while index < len(self.tokens) and self._qualifies(index):
            index = self._behind_group(index + 1) if self.tokens[index].text in ("pub", "extern") else index + 1
        if index + 1 < len(self.tokens) and self.tokens[index].text in _ITEMS:
            name = self.tokens[index + 1].text
            return Item(self.tokens[index].text, name, first, index), self._behind_item(index)
        return None, self._behind_item(index)

    def _qualifies(self, index: int) -> bool:
        text = self.tokens[index].text
        if text == "const":
            return self.tokens[min(index + 1, len(self.tokens) - 1)].text in ("fn", "unsafe", "async", "extern")
        return text in _QUALIFIERS

    def _behind_attributes(self, index: int) -> int:
        while index < len(self.tokens) and self.tokens[index].text == "#":
            index += 1
            if index < len(self.tokens) and self.tokens[index].text == "!":
                index += 1
            index = self._behind_group(index)
        return index

    def _behind_group(self, index: int) -> int:
        """Behind `(…)` or `[…]` or a string that starts at `index`, if one does."""
        assert self.partners is not None
        if index < len(self.tokens) and self.tokens[index].kind == "string":
            return index + 1
        return self.partners[index] + 1 if index in self.partners and self.tokens[index].text != "{" else index

    def _behind_item(self, index: int) -> int:
        """Behind the `;` or the `{…}` that ends an item."""
        assert self.partners is not None
        assigned = False
        while index < len(self.tokens):
            text = self.tokens[index].text
            if index in self.partners:
                index = self.partners[index]
                if text == "{" and not assigned:
                    return index + 1
            assigned = assigned or text == "="
            index += 1
            if text == ";":
                return index
        return index

    def extent(self, name: str) -> list[tuple[int, int]]:
        """Offsets at which the top-level items of that name start and end."""
        ends = [(item, self._behind_item(item.head)) for item in self.items if item.name == name]
        return [(self.tokens[item.first].start, self.tokens[end - 1].end) for item, end in ends]

    @cached_property
    def inner_end(self) -> int:
        """Offset behind the inner attributes and inner doc comments at the start of the code."""
        head = self._head
        inner = any(token.text.startswith(("//!", "/*!", "#")) for token in head)
        return self.code.find("\n", head[-1].end - 1) + 1 if inner else 0

    def published(self, names: frozenset[str]) -> str:
        """The code with those top-level items, and all that types have inside, visible to other crates."""
        if not self.lexes:
            return self.code
        edits: list[tuple[int, int, str]] = []
        for item in self.items:
            if item.name in names:
                edits += self._publish(item.first)
                if item.keyword in ("struct", "union"):
                    edits += self._publish_fields(item.head)
        if any(item.keyword in ("struct", "enum", "union") and item.name in names for item in self.items):
            edits += self._publish_methods()
        return edited(self.code, edits)

    def _publish(self, first: int) -> list[tuple[int, int, str]]:
        token = self.tokens[first]
        if token.text != "pub":
            return [(token.start, token.start, "pub ")]
        end = self._behind_group(first + 1)
        return [(token.start, self.tokens[end - 1].end, "pub")] if end > first + 1 else []

    def _publish_fields(self, head: int) -> list[tuple[int, int, str]]:
        assert self.partners is not None
        for index in range(head, len(self.tokens)):
            if self.tokens[index].text == ";":
                return []
            if index in self.partners and self.tokens[index].text in ("{", "("):
                return self._publish_members(index)
        return []

    def _publish_members(self, start: int) -> list[tuple[int, int, str]]:
        assert self.partners is not None
        edits, index, end = [], start + 1, self.partners[start]
        angle = 0
        fresh = True
        while index < end:
            if fresh:
                index = self._behind_attributes(index)
                if index < end:
                    edits += self._publish(index)
                fresh = False
                index = self._behind_group(index + 1) if self.tokens[index].text == "pub" else index
            text = self.tokens[index].text
            angle += (text == "<") - (text == ">")
            index = self.partners.get(index, index) + 1
            fresh = text == "," and angle <= 0
        return edits

    def _publish_methods(self) -> list[tuple[int, int, str]]:
        assert self.partners is not None
        edits = []
        for index, token in enumerate(self.tokens):
            if token.text != "impl" or token.kind != "ident":
                continue
            start = next((at for at in range(index, len(self.tokens)) if self.tokens[at].text in ("{", ";")), None)
            inherent = start in self.partners and not any(t.text == "for" for t in self.tokens[index:start])
            if start is not None and inherent:
                edits += self._publish_block(start)
        return edits

    def _publish_block(self, start: int) -> list[tuple[int, int, str]]:
        assert self.partners is not None
        edits, index, end = [], start + 1, self.partners[start]
        while index < end:
            item, behind = self._item(index)
            if item is not None:
                edits += self._publish(item.first)
            index = max(behind, index + 1)
        return edits


def _head(stream: list[Token]) -> list[Token]:
    """The comments, inner attributes and inner doc comments that the code starts with."""
    index = 0
    while index < len(stream):
        if stream[index].kind == "comment" or stream[index].text.startswith(("//!", "/*!")):
            index += 1
        elif [token.text for token in stream[index : index + 3]] == ["#", "!", "["]:
            end = closing(stream, index + 2)
            if end is None:
                break
            index = end + 1
        else:
            break
    return stream[:index]
