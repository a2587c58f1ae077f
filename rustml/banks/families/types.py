"""Types of the values that tasks take and return, in both languages, with their literals in Rust."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

Kind = Literal[
    "int", "count", "flag", "char", "text", "label", "ints", "texts", "maybe", "maybe_count", "outcome", "pair"
]


class Form(NamedTuple):
    """The notation of one kind of value."""

    rust: str
    python: str
    case: str
    """The Rust type in a table of test cases."""
    literal: Callable[[Any], str]
    """The Rust literal of a Python value, of type `case`."""


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _text(value: str) -> str:
    return f'"{value}"'


def _char(value: str) -> str:
    return f"'{value}'"


def _maybe(value: int | None) -> str:
    return "None" if value is None else f"Some({value})"


def _outcome(value: int | str) -> str:
    return f'Err("{value}")' if isinstance(value, str) else f"Ok({value})"


def _ints(value: Sequence[int]) -> str:
    return f"&[{', '.join(map(str, value))}]"


def _texts(value: Sequence[str]) -> str:
    return f"&[{', '.join(map(_text, value))}]"


_SHARED: dict[Kind, Form] = {
    "int": Form("i64", "int", "i64", str),
    "count": Form("usize", "int", "usize", str),
    "flag": Form("bool", "bool", "bool", _flag),
    "char": Form("char", "str", "char", _char),
    "label": Form("&'static str", "str", "&str", _text),
    "maybe": Form("Option<i64>", "int | None", "Option<i64>", _maybe),
    "maybe_count": Form("Option<usize>", "int | None", "Option<usize>", _maybe),
    "outcome": Form("Result<i64, String>", "int | str", "Result<i64, &str>", _outcome),
    "pair": Form("(i64, i64)", "tuple[int, int]", "(i64, i64)", str),
}
ARGUMENTS: dict[Kind, Form] = {
    **_SHARED,
    "text": Form("&str", "str", "&str", _text),
    "ints": Form("&[i64]", "list[int]", "&[i64]", _ints),
    "texts": Form("&[&str]", "list[str]", "&[&str]", _texts),
}
RETURNS: dict[Kind, Form] = {
    **_SHARED,
    "text": Form("String", "str", "&str", _text),
    "ints": Form("Vec<i64>", "list[int]", "&[i64]", _ints),
    "texts": Form("Vec<String>", "list[str]", "&[&str]", _texts),
}
