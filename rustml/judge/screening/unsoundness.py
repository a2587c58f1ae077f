"""Unsoundness of the type system that lets safe Rust reach any memory, as far as a text shows it.

Each rule asks for the parts that such code cannot do without, in any order and under any name. Code that has them all
for a good reason is refused too; it is rare. Code that hides them, for example in macros,
meets the next fence: see harness/lib.rs.
"""

import re
from collections.abc import Sequence

from rustml.rust.lexer import Token

_HIGHER_RANKED = re.compile(r"\bfn \(|\bfor < '|\bFn(?:Mut|Once)? \(")
_BOUND_OBJECT = re.compile(r"\bdyn [^;{}]*? = ")
_BLANKET = re.compile(r"\bimpl < (?:[^{]*? )??(\w+) (?:[^{]*? )??for \1 (?:where|\{)")
_TYPE_ENDS = frozenset({";", "{", "}", "=", ":", "->", "where"})
_NO_LIFETIME = frozenset({"'static", "'_"})
_LONGEST = 64
"""Tokens of a type that are looked at."""


def known_unsoundness(stream: Sequence[Token]) -> str | None:
    """The known unsoundness that the tokens could be meant to use; None for none."""
    text = " ".join(token.text for token in stream) + " "
    if _HIGHER_RANKED.search(text) and _nests_lifetimes(stream):
        return "a known hole of the type system (rust-lang/rust#25860)"
    if "? Sized" in text and _BOUND_OBJECT.search(text) and _BLANKET.search(text):
        return "a known hole of the type system (rust-lang/rust#57893)"
    return None


def _nests_lifetimes(stream: Sequence[Token]) -> bool:
    """Whether some type holds two lifetimes, which makes the one outlive the other without a word of it."""
    named = [index for index, token in enumerate(stream) if token.kind == "lifetime" and token.text not in _NO_LIFETIME]
    return len({stream[index].text for index in named}) > 1 and any(_nests(stream, index) for index in named)


def _nests(stream: Sequence[Token], start: int) -> bool:
    listed = True  # `'a, 'b` alone is a list of parameters or arguments
    for token in stream[start + 1 : start + _LONGEST]:
        if token.text in _TYPE_ENDS:
            return False
        if token.kind == "lifetime" and token.text not in _NO_LIFETIME:
            if not listed and token.text != stream[start].text:
                return True
        elif token.text != ",":
            listed = False
    return False
