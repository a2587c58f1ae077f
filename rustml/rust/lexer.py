"""Rust tokens, as far as the judge has to know them.

No promise of integrity rests on this lexer: the compiler and the sandbox keep those. It decides which candidates may
share a compilation, finds items and tests by name, and may be wrong only in ways that the compiler then reports.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal, NamedTuple

from rustml.rust.doc_comments import is_doc

Kind = Literal["ident", "lifetime", "string", "char", "number", "comment", "doc", "punct", "broken"]

_TOKEN = re.compile(
    r"""
    [\s\u200e\u200f]*(?:
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?:br|cr|r)(?P<hashes>\#*)")
  | (?P<string>[bc]?"(?:[^"\\]|\\.)*+")
  | (?P<open>[bc]?".*)
  | (?P<char>b?'(?:[^'\\\n\r\t]|\\(?:u\{[0-9a-fA-F_]*\}|x[0-9a-fA-F]{2}|[^ux\n]))')
  | (?P<lifetime>'(?:r\#)?[^\W\d]\w*)
  | (?P<ident>(?:r\#)?[^\W\d]\w*)
  | (?P<number>\d\w*(?:\.\d\w*)?)
  | (?P<punct>::|->|=>|==|!=|<=|>=|&&|\|\||\.\.=|\.\.\.|\.\.|[!\#-&(-/:-@\[\]^_{-~])
  | (?P<end>\Z)
  | (?P<broken>.))
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_KINDS: dict[str, Kind] = {
    "string": "string",
    "char": "char",
    "lifetime": "lifetime",
    "number": "number",
    "punct": "punct",
    "open": "broken",
    "broken": "broken",
}
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: start for start, close in OPENING.items()}


class Token(NamedTuple):
    """One token: its text, and where it starts and ends (offsets in characters). A tuple, for there are many."""

    kind: Kind
    text: str
    start: int
    end: int


def normalised(code: str) -> str:
    """The code as rustc reads it: without a byte order mark and a shebang line, and with LF line ends.

    A shebang line starts with `#!`, and what follows it, comments left out, is not `[`: that would be an attribute.
    """
    text = code.removeprefix("\ufeff").replace("\r\n", "\n")
    if not text.startswith("#!"):
        return text
    following = next((token for token in tokens(text[2:]) if token.kind != "comment"), None)
    if following is not None and following.text == "[":
        return text
    end = text.find("\n")
    return "" if end < 0 else text[end:]


def tokens(code: str) -> list[Token]:
    """The tokens of `code` without white space; comments are kept.

    `broken` is what no token can be: a lone character, or a literal or comment that never ends, with all behind it.
    """
    stream: list[Token] = []
    at, size = 0, len(code)
    while at < size:
        match = _TOKEN.match(code, at)
        assert match is not None, "the last alternative takes any character"
        kind = match.lastgroup or ""
        if kind == "end":
            break
        token = _SPECIAL[kind](code, match) if kind in _SPECIAL else Token(_KINDS[kind], match[kind], *match.span(kind))
        stream.append(token)
        at = token.end
    return stream


_WORDS = """abstract as async await become box break const continue do dyn else enum extern false final fn for gen if
impl in let loop macro match mod move mut override priv pub ref return static struct trait true try type typeof unsafe
unsized use virtual where while yield"""
_KEYWORDS = frozenset(_WORDS.split())


def spelled(name: str) -> str:
    """The identifier as it has to be written: a keyword with `r#` in front."""
    return f"r#{name}" if name in _KEYWORDS else name


def _ident(_: str, match: re.Match[str]) -> Token:
    text = match["ident"].removeprefix("r#")
    # rustc compares identifiers in this normal form, in which for example the Kelvin sign is a K.
    return Token("ident", text if text.isascii() else unicodedata.normalize("NFC", text), *match.span("ident"))


def _line(_: str, match: re.Match[str]) -> Token:
    return Token(_comment(match["line"]), match["line"], *match.span("line"))


def _comment(text: str) -> Kind:
    return "doc" if is_doc(text) else "comment"


def _block(code: str, match: re.Match[str]) -> Token:
    start = match.start("block")
    depth, at = 0, start
    while True:
        edge = _BLOCK_EDGE.search(code, at)
        if edge is None:
            return Token("broken", code[start:], start, len(code))
        depth += 1 if edge[0] == "/*" else -1
        at = edge.end()
        if depth == 0:
            return Token(_comment(code[start:at]), code[start:at], start, at)


def _raw(code: str, match: re.Match[str]) -> Token:
    close = '"' + match["hashes"]
    at = code.find(close, match.end())
    start, end = match.start("raw"), len(code) if at < 0 else at + len(close)
    return Token("broken" if at < 0 else "string", code[start:end], start, end)


_SPECIAL: dict[str, Callable[[str, re.Match[str]], Token]] = {
    "ident": _ident,
    "line": _line,
    "block": _block,
    "raw": _raw,
    "hashes": _raw,
}


def significant(stream: list[Token]) -> list[Token]:
    """Without comments."""
    return [token for token in stream if token.kind not in ("comment", "doc")]


def squeeze(text: str) -> str:
    """The text without white space."""
    return "".join(text.split())


def lexes(code: str) -> bool:
    """Whether every character belongs to a token and every delimiter has its partner."""
    stream = significant(tokens(code))
    return partners(stream) is not None and not any(token.kind == "broken" for token in stream)


def partners(stream: list[Token]) -> dict[int, int] | None:
    """Index of each opening delimiter → index of its closing one; None where they do not match up."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(stream):
        if token.kind != "punct":
            continue
        if token.text in OPENING:
            stack.append(index)
        elif token.text in CLOSING:
            if not stack or stream[stack[-1]].text != CLOSING[token.text]:
                return None
            pairs[stack.pop()] = index
    return None if stack else pairs


def depth(stream: list[Token]) -> int:
    """The deepest nesting of delimiters."""
    deepest = level = 0
    for token in stream:
        if token.kind == "punct":
            level += (token.text in OPENING) - (token.text in CLOSING)
            deepest = max(deepest, level)
    return deepest


def closing(stream: list[Token], start: int) -> int | None:
    """Index of the delimiter that closes the one at `start`; None where the code ends before it."""
    level = 0
    for index in range(start, len(stream)):
        if stream[index].kind == "punct":
            level += (stream[index].text in OPENING) - (stream[index].text in CLOSING)
            if level == 0:
                return index
    return None


def edited(code: str, edits: list[tuple[int, int, str]]) -> str:
    """The code with each edit (start, end, replacement) made; where two overlap, the one that starts first stands."""
    pieces, at = [], 0
    for start, end, text in sorted(set(edits)):
        pieces += [code[at:start], text]
        at = max(end, at)
    return "".join([*pieces, code[at:]])
