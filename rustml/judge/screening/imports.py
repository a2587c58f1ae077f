"""`use` declarations: what they import, and those of them that the standard library can satisfy."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import takewhile

from rustml.rust.lexer import Token, partners, significant, tokens

_STANDARD = {"std", "core", "alloc"}
_DEEPEST, _LONGEST = 32, 256
"""Use trees that nest deeper, and paths that are longer in characters, import nothing."""


@lru_cache(maxsize=128)  # the answers to one problem come together
def leaves(text: str) -> tuple[str, ...]:
    """The imports of every `use` declaration in `text`, one path each, such as `std::cmp::max` or `std::fmt::*`.

    A declaration that does not lex imports nothing. A renaming keeps its `as name`.
    """
    stream = significant(tokens(text))
    paths: list[str] = []
    index = 0
    while index < len(stream):
        index += 1
        if stream[index - 1].text == "use" and stream[index - 1].kind == "ident":
            declaration = list(takewhile(lambda token: token.text not in (";", "use"), stream[index:]))
            paths += declared(declaration)
            index += len(declaration)
    return tuple(dict.fromkeys(paths))


def declared(declaration: Sequence[Token]) -> list[str]:
    """The imports of one declaration: its tokens behind `use`, without the `;`."""
    stream = list(declaration)
    pairs = partners(stream)
    return list(_tree(stream, pairs, 0, "", 0)) if pairs is not None else []


def in_standard(path: str) -> bool:
    """Whether a leaf lies in the standard library."""
    return path.split("::", maxsplit=1)[0] in _STANDARD


def standard(text: str) -> tuple[str, ...]:
    """Those of `leaves` that lie in the standard library; other crates are not there to import from."""
    return tuple(path for path in leaves(text) if in_standard(path))


def imported_name(path: str) -> str:
    """The name that a leaf brings into scope: `HashMap`, `*`, or what stands behind `as`."""
    return path.rsplit(" as ", maxsplit=1)[-1].rsplit("::", maxsplit=1)[-1]


def _tree(stream: list[Token], pairs: dict[int, int], index: int, prefix: str, level: int) -> Iterator[str]:
    """The leaves of one use tree that starts at `index` and ends at a `,`, a `;` or a closing brace."""
    path = prefix
    while index < len(stream) and stream[index].text not in (",", ";", "}"):
        text = stream[index].text
        if len(path) > _LONGEST or level > _DEEPEST:
            return
        if text == "{":
            yield from _branches(stream, pairs, index, path, level)
            return
        path += f" {text} " if text == "as" else text
        index += 1
    path = path.removeprefix("::").removesuffix("::self").replace("::self as ", " as ")
    if path:
        yield path


def _branches(stream: list[Token], pairs: dict[int, int], start: int, path: str, level: int) -> Iterator[str]:
    index, end = start + 1, pairs[start]
    while index < end:
        yield from _tree(stream, pairs, index, path, level + 1)
        while index < end and stream[index].text != ",":
            index = pairs.get(index, index) + 1
        index += 1
