"""`use` declarations: what they import, and those of them that the standard library can satisfy."""

from collections.abc import Iterator
from itertools import takewhile

from rustml.rust.lexer import Token, partners, significant, tokens

_STANDARD = {"std", "core", "alloc"}


def leaves(text: str) -> tuple[str, ...]:
    """The imports of every `use` declaration in `text`, one path each, such as `std::cmp::max` or `std::fmt::*`.

    A declaration that does not lex imports nothing. A renaming keeps its `as name`.
    """
    stream = significant(tokens(text))
    paths: list[str] = []
    for index, token in enumerate(stream):
        if token.text == "use" and token.kind == "ident":
            declaration = list(takewhile(lambda token: token.text != ";", stream[index + 1 :]))
            pairs = partners(declaration)
            paths += _tree(declaration, pairs, 0, "") if pairs is not None else ()
    return tuple(dict.fromkeys(paths))


def standard(text: str) -> tuple[str, ...]:
    """Those of `leaves` that lie in the standard library; other crates are not there to import from."""
    return tuple(path for path in leaves(text) if path.split("::")[0] in _STANDARD)


def imported_name(path: str) -> str:
    """The name that a leaf brings into scope: `HashMap`, `*`, or what stands behind `as`."""
    return path.rsplit(" as ", maxsplit=1)[-1].rsplit("::", maxsplit=1)[-1]


def _tree(stream: list[Token], pairs: dict[int, int], index: int, prefix: str) -> Iterator[str]:
    """The leaves of one use tree that starts at `index` and ends at a `,`, a `;` or a closing brace."""
    path = prefix
    while index < len(stream) and stream[index].text not in (",", ";", "}"):
        text = stream[index].text
        if text == "{":
            yield from _branches(stream, pairs, index, path)
            return
        path += f" {text} " if text == "as" else text
        index += 1
    path = path.removeprefix("::").removesuffix("::self")
    if path:
        yield path


def _branches(stream: list[Token], pairs: dict[int, int], start: int, path: str) -> Iterator[str]:
    index, end = start + 1, pairs[start]
    while index < end:
        yield from _tree(stream, pairs, index, path)
        while index < end and stream[index].text != ",":
            index = pairs.get(index, index) + 1
        index += 1
