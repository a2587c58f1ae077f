"""Unsoundness of the type system that lets safe Rust reach any memory, as far as a text shows it.

Each rule asks for the parts that such code cannot do without, in any order and under any name. Code that has them all
for a good reason is refused too; it is rare. Code that hides them, for example in macros,
meets the next fence: see harness/lib.rs.
"""

import re
from collections.abc import Iterator, Sequence

from rustml.rust.lexer import Token

_CALLABLE = re.compile(r"\bfn \(|\bfor < '|\bFn(?:Mut|Once)? \(")
_TYPE_ENDS = frozenset({";", "{", "}", "=", ":", "->", "where"})
_NO_LIFETIME = frozenset({"'static", "'_"})
_LONGEST = 64
"""Tokens of a type that are looked at."""


def known_unsoundness(stream: Sequence[Token]) -> str | None:
    """The known unsoundness that the tokens could be meant to use; None for none. The work is linear."""
    text = " ".join(token.text for token in stream) + " "
    if _CALLABLE.search(text) and _extends_lifetimes(stream, higher_ranked="for < '" in text):
        return "a known hole of the type system (rust-lang/rust#25860)"
    if "? Sized" in text and _binds_objects(stream) and _implements_for_all(stream):
        return "a known hole of the type system (rust-lang/rust#57893)"
    return None


def _extends_lifetimes(stream: Sequence[Token], *, higher_ranked: bool) -> bool:
    """Whether a type that holds two lifetimes may be meant to make the one outlive the other without a word of it.

    A function with such a type in its head has to be used as a value for it, not only called.
    """
    nested = list(_nested(stream))
    heads = _heads(stream)
    names = {heads.get(index, "") for index in nested}
    if higher_ranked or "" in names:
        return bool(nested)
    return any(
        token.text in names and stream[index - 1].text != "fn" and _text(stream, index + 1) != "("
        for index, token in enumerate(stream)
    )


def _text(stream: Sequence[Token], index: int) -> str:
    return stream[index].text if index < len(stream) else ""


def _heads(stream: Sequence[Token]) -> dict[int, str]:
    """Index of each token in the head of a function → the function's name."""
    heads: dict[int, str] = {}
    name = ""
    for index, token in enumerate(stream):
        if token.text == "fn" and index + 1 < len(stream) and stream[index + 1].kind == "ident":
            name = stream[index + 1].text
        elif token.text in ("{", ";", "}"):
            name = ""
        if name:
            heads[index] = name
    return heads


def _binds_objects(stream: Sequence[Token]) -> bool:
    """Whether some `dyn` type names what an associated type is."""
    inside = False
    for token in stream:
        if inside and token.text == "=":
            return True
        inside = token.text == "dyn" or (inside and token.text not in (";", "{", "}"))
    return False


def _implements_for_all(stream: Sequence[Token]) -> bool:
    """Whether some `impl<T> … for T` covers every type."""
    names: set[str] = set()
    for index, token in enumerate(stream):
        if token.text == "impl":
            names = {"impl"}
        elif token.text == "{":
            names = set()
        elif names and token.text == "for" and _text(stream, index + 1) in names:
            if _text(stream, index + 2) in ("where", "{"):
                return True
        elif names:
            names.add(token.text)
    return False


def _nested(stream: Sequence[Token]) -> Iterator[int]:
    """Indices of the lifetimes whose type holds another one."""
    named = [index for index, token in enumerate(stream) if token.kind == "lifetime" and token.text not in _NO_LIFETIME]
    if len({stream[index].text for index in named}) > 1:
        yield from (index for index in named if _nests(stream, index))


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
