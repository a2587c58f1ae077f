"""The declaration that a problem gives, and the function that pins a candidate to it.

The tests call a function of exactly the declared type, which hands its arguments on to the candidate's. What comes
back is then of the declared type, not of the candidate's choice: a type that is equal to everything does not fit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from rustml.rust.lexer import Token, partners, significant, spelled, tokens

_ITERATORS = frozenset({"Iterator", "DoubleEndedIterator", "ExactSizeIterator", "FusedIterator", "IntoIterator"})


@dataclass(frozen=True)
class Signature:
    """A free function's declaration, cut into its parts; each is Rust text."""

    name: str
    generics: str
    types: tuple[str, ...]
    output: str
    where: str
    tokens: tuple[str, ...]
    """From `fn` to what stands before the body."""
    qualifiers: tuple[str, ...] = ()
    """Of `const`, `async` and `unsafe`, those that stand before `fn`."""

    def wrapper(self, target: str, harness: str, *, constant: bool) -> str:
        """A function of this signature that calls the function at the path `target`.

        An iterator of a type that only the candidate knows goes through the `harness`, which believes only its items.
        With `constant` the function may be called where constants are made.
        """
        qualifiers = dict.fromkeys((*(("const",) if constant else ()), *self.qualifiers))
        call = self._call(target)
        call = f"unsafe {{ {call} }}" if "unsafe" in qualifiers else call
        call = f"{call}.await" if "async" in qualifiers else call
        return f"{self._head(qualifiers)} {{ {self._stepwise(call, harness)} }}\n"

    @property
    def plain(self) -> bool:
        """Whether every function of this signature has the same type of result, and none needs a qualifier."""
        return not self.qualifiers and "impl" not in {token.text for token in significant(tokens(self.output))}

    def chooser(self, targets: Mapping[int, str], chosen: str) -> str:
        """A function of this plain signature that calls one of the functions at these paths.

        It is the one under the number that the expression `chosen` has when the program runs.
        """
        arms = "".join(f"{number} => {self._call(target)}, " for number, target in targets.items())
        return f"{self._head(())} {{ match {chosen} {{ {arms}_ => ::core::unreachable!() }} }}\n"

    def _head(self, qualifiers: Iterable[str]) -> str:
        parameters = ", ".join(f"a{index}: {kind}" for index, kind in enumerate(self.types))
        named = f"pub {' '.join(qualifiers)} fn {spelled(self.name)}{self.generics}"
        return f"{named}({parameters}) {self.output} {self.where}"

    def _call(self, target: str) -> str:
        arguments = ", ".join(f"a{index}" for index in range(len(self.types)))
        return f"{target}{self._arguments()}({arguments})"

    def _arguments(self) -> str:
        """The generic arguments, where the types of the parameters do not decide all of them."""
        pieces = _split(significant(tokens(self.generics))[1:-1])
        names = [piece[1 if piece[0].text == "const" else 0].text for piece in pieces if piece[0].kind == "ident"]
        words = {token.text for kind in self.types for token in significant(tokens(kind))}
        return f"::<{', '.join(names)}>" if set(names) - words and "impl" not in words else ""

    def _stepwise(self, call: str, harness: str) -> str:
        """`call` with every iterator of a hidden type behind one of the harness's."""
        outer = "".join(self.output.replace("(", " ").split()[1:])
        wrap = f"::{harness}::{'collected' if 'ExactSizeIterator' in outer else 'stepwise'}"
        if outer.startswith("impl") and _is_iterator(outer[4:]):
            return f"{wrap}({call})"
        if outer.startswith(("Option<impl", "Result<impl")) and _is_iterator(outer[11:]):
            return f"{call}.map({wrap})"
        if outer.startswith("Box<dyn") and _is_iterator(outer[7:]):
            return f"::std::boxed::Box::new({wrap}({call}))"
        return call


def _is_iterator(bounds: str) -> bool:
    """Whether one of these bounds, without spaces, is a trait of the standard library's iterators."""
    return any(bound.split("<")[0].split("::")[-1] in _ITERATORS for bound in bounds.split("+"))


@lru_cache(maxsize=128)  # the answers to one problem come together
def parse(text: str, name: str = "") -> Signature | None:
    """The signature of the function `name` (or of the last one) that `text` declares; None if it declares none.

    A method (with `self`), and text that does not lex, give None too.
    """
    stream = significant(tokens(text))
    heads = [
        i for i, t in enumerate(stream[:-2]) if t.text == "fn" and t.kind == "ident" and stream[i + 1].kind == "ident"
    ]
    named = [i for i in heads if stream[i + 1].text == name]
    if not heads:
        return None
    start = (named or heads)[-1]
    cut = _cut(text, _header(stream, start))
    return replace(cut, qualifiers=_qualifiers(stream, start)) if cut is not None else None


def _qualifiers(stream: list[Token], start: int) -> tuple[str, ...]:
    words: list[str] = []
    while start > 0 and stream[start - 1].text in ("const", "async", "unsafe"):
        start -= 1
        words.insert(0, stream[start].text)
    return tuple(words)


def _header(stream: list[Token], start: int) -> list[Token]:
    """The tokens from `fn` up to the body or the `;`, which a declaration may leave out."""
    level = 0
    for index in range(start, len(stream)):
        text = stream[index].text
        level += (text in "([") - (text in ")]")
        if level == 0 and text in ("{", ";"):
            return stream[start:index]
    return stream[start:]


def _cut(text: str, header: list[Token]) -> Signature | None:
    pairs = partners(header)
    start = _parameters(header)
    if pairs is None or start is None:
        return None
    pieces = _split(header[start + 1 : pairs[start]])
    if any(token.text == "self" for piece in pieces[:1] for token in piece):
        return None
    tail = header[pairs[start] + 1 :]
    where = next((index for index, token in enumerate(tail) if token.text == "where"), len(tail))
    types = tuple(_text(text, piece[_colon(piece) + 1 :]) for piece in pieces)
    generics = _text(text, header[2:start])
    texts = tuple(token.text for token in header)
    return Signature(header[1].text, generics, types, _text(text, tail[:where]), _text(text, tail[where:]), texts)


def _parameters(header: list[Token]) -> int | None:
    """Index of the `(` that opens the parameters: the first outside the angle brackets of the generics."""
    angle = 0
    for index, token in enumerate(header):
        if token.text == "(" and angle == 0:
            return index
        angle += (token.text == "<") - (token.text == ">")
    return None


def _split(stream: list[Token]) -> list[list[Token]]:
    pieces: list[list[Token]] = [[]]
    level = 0
    for token in stream:
        level += (token.text in ("(", "[", "{", "<")) - (token.text in (")", "]", "}", ">"))
        if token.text == "," and level == 0:
            pieces.append([])
        else:
            pieces[-1].append(token)
    return [piece for piece in pieces if piece]


def _colon(piece: list[Token]) -> int:
    return next((index for index, token in enumerate(piece) if token.text == ":"), -1)


def _text(text: str, stream: list[Token]) -> str:
    return text[stream[0].start : stream[-1].end] if stream else ""
