"""Attributes of items: conditional compilation as it is decided for the judge's machine, and lint levels."""

from collections.abc import Sequence

from rustml.rust.lexer import Token

_TRUE = frozenset({"unix", "debug_assertions", "panic", "overflow_checks"})
_VALUES = {
    "target_os": '"linux"',
    "target_family": '"unix"',
    "target_pointer_width": '"64"',
    "target_endian": '"little"',
    "target_env": '"gnu"',
    "panic": '"unwind"',
}
_NESTED = 64
"""Predicates nested deeper than this are taken for true: the compiler decides them."""


def active(attribute: Sequence[Token], *, test: bool) -> bool:
    """Whether an item with this attribute (its tokens from `#` to `]`) is compiled; true for any but `cfg`."""
    texts = [token.text for token in attribute]
    if texts[2:4] != ["cfg", "("]:
        return True
    value, _ = _predicate(texts, 4, test, 0)
    return value


def _predicate(texts: list[str], index: int, test: bool, level: int) -> tuple[bool, int]:
    """The value of the predicate at `index`, and the index behind it."""
    name = texts[index] if index < len(texts) else ""
    if texts[index + 1 : index + 2] == ["("] and level < _NESTED:
        return _combined(texts, index, test, level)
    if texts[index + 1 : index + 2] == ["="]:
        value = texts[index + 2] if index + 2 < len(texts) else ""
        return _VALUES.get(name, value if name == "target_arch" else "") == value, index + 3
    return name in _TRUE or name == "true" or (name == "test" and test), index + 1


def _combined(texts: list[str], index: int, test: bool, level: int) -> tuple[bool, int]:
    name, values, at = texts[index], [], index + 2
    while at < len(texts) and texts[at] != ")":
        value, at = _predicate(texts, at, test, level + 1)
        values.append(value)
        at += texts[at : at + 1] == [","]
    return any(values) if name == "any" else all(values) != (name == "not"), at + 1
