"""What a candidate's text says about itself before a compiler reads it."""

from functools import cached_property
from itertools import pairwise

from rustml.judge.screening import imports, isolation
from rustml.judge.screening.equality import ALL, OwnTypes, own_types
from rustml.judge.screening.items import Item, Scanner
from rustml.judge.screening.lint_attributes import lint_edits
from rustml.judge.screening.modules import Modules
from rustml.judge.screening.publishing import publish
from rustml.judge.screening.unsoundness import known_unsoundness
from rustml.rust.lexer import Token, closing, depth, edited, normalised, partners, significant, tokens

DEEPEST = 100
"""Delimiters nested deeper than this are compiled alone: a few thousand overflow the stack of rustc."""

_FORBIDDEN = {"unsafe": "unsafe code", "asm": "inline assembly", "global_asm": "inline assembly"}
_NOTHING_KNOWN = OwnTypes(ALL, ALL, ALL, {})


class CandidateSource:
    """A candidate's code with what the judge has to know to compile it."""

    def __init__(self, code: str) -> None:
        self.code = normalised(code)
        stream = tokens(self.code)
        self.tokens = significant(stream)
        self._head = _head(stream)
        self.partners = partners(self.tokens)

    @property
    def lexes(self) -> bool:
        """Whether every character belongs to a token and every delimiter has its partner."""
        return self.partners is not None and not any(token.kind == "broken" for token in self.tokens)

    @cached_property
    def _legible(self) -> bool:
        """Whether it is worth reading: it lexes, and nests no deeper than people write."""
        return self.lexes and depth(self.tokens) <= DEEPEST

    @cached_property
    def identifiers(self) -> frozenset[str]:
        """Every identifier and keyword in it."""
        return frozenset(token.text for token in self.tokens if token.kind == "ident")

    @cached_property
    def macros(self) -> frozenset[str]:
        """The macros that it defines."""
        texts = [token.text for token in self.tokens]
        triples = zip(texts, texts[1:], texts[2:], strict=False)
        return frozenset(name for word, mark, name in triples if (word, mark) == ("macro_rules", "!"))

    def forbidden(self, *, allow_unsafe: bool) -> str | None:
        """The forbidden means that the text names by a keyword, if any."""
        for token, follows in pairwise([*self.tokens, Token("punct", "", 0, 0)]):
            means = _FORBIDDEN.get(token.text) if token.kind == "ident" else None
            if token.text == "unsafe" and means and not allow_unsafe:
                return means
            if token.text != "unsafe" and means and follows.text == "!" and token.text not in self.macros:
                return means
        return None if allow_unsafe else known_unsoundness(self.tokens)

    @cached_property
    def alone(self) -> str | None:
        """Why this candidate must not share a compilation with others, or None."""
        if not self.lexes:
            return "does not lex"
        return "nests deeply" if not self._legible else isolation.reason(self.tokens, self._scanner)

    @cached_property
    def relies_on_privacy(self) -> bool:
        """Whether some part of it may be hidden from another part, so that it compiles more easily when published."""
        if not self._legible:
            return False
        texts = [token.text for token in self.tokens]
        triples = zip(texts, texts[1:], texts[2:], strict=False)
        paths = any((word, mark) == ("pub", "(") and at not in ("crate", "self") for word, mark, at in triples)
        inside = "macro_rules" in texts and not {"mod", "crate"}.isdisjoint(texts)
        return paths or inside or any(item.keyword == "mod" for item in self.items)

    @cached_property
    def _scanner(self) -> Scanner:
        return Scanner(self.tokens, self.partners or {})

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The items at the top level that are compiled, in order; none where the delimiters do not match up."""
        if self.partners is None:
            return ()
        items = self._scanner.items(0, len(self.tokens))
        return tuple(item for item in items if self._scanner.active(item, test=False))

    @cached_property
    def imports(self) -> tuple[tuple[Item, str], ...]:
        """Each leaf that a top-level `use` imports, with its declaration."""
        uses = [item for item in self.items if item.keyword == "use"]
        return tuple(
            (item, path)
            for item in uses
            for path in imports.declared(self.tokens[item.head + 1 : max(item.end - 1, item.head + 1)])
        )

    @cached_property
    def modules(self) -> Modules:
        """Its modules, and what they re-export."""
        return Modules(self._scanner)

    @cached_property
    def own_types(self) -> OwnTypes:
        """The types that it defines anywhere, as far as their comparison goes."""
        return own_types(self.tokens, self.partners or {}) if self._legible else _NOTHING_KNOWN

    def defines_inside(self, name: str) -> bool:
        """Whether some function of that name stands inside another item, such as a method."""
        named = {item.head for item in self.items if item.name == name}
        pairs = enumerate(pairwise(self.tokens))
        return any(a.text == "fn" and b.text == name and index not in named for index, (a, b) in pairs)

    def extent(self, name: str) -> list[tuple[int, int]]:
        """Offsets at which the top-level items of that name start and end."""
        named = [item for item in self.items if item.name == name]
        return [(self.tokens[item.first].start, self.tokens[item.end - 1].end) for item in named]

    @cached_property
    def inner_end(self) -> int:
        """Offset behind the inner attributes and inner doc comments at the start of the code."""
        head = self._head
        inner = any(token.text.startswith(("//!", "/*!", "#")) for token in head)
        return self.code.find("\n", head[-1].end - 1) + 1 if inner else 0

    @property
    def linted(self) -> str:
        """The code for clippy: as it was written, but with no lint denied and without attributes that silence some."""
        return edited(self.code, list(lint_edits(self._scanner))) if self._legible else self.code

    def published(self, names: frozenset[str]) -> str:
        """The code with its items visible to other crates, those macros exported, and no lint denied."""
        if not self._legible:
            return self.code
        return edited(self.code, publish(self._scanner, names))


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
