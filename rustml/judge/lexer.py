"""Rust tokens, as far as the judge has to know them.

No promise of integrity rests on this lexer: the compiler and the sandbox keep those. It decides which candidates may
share a compilation, finds items and tests by name, and may be wrong only in ways that the compiler then reports.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

Kind = Literal["ident", "lifetime", "string", "char", "number", "comment", "doc", "punct", "broken"]

_TOKEN = re.compile(
    r"""
    (?P<space>\s+)
  | (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>(?:br|cr|r)(?P<hashes>\#*)")
  | (?P<string>[bc]?"(?:[^"\\]|\\.)*")
  | (?P<char>b?'(?:[^'\\\n\r\t]|\\(?:u\{[0-9a-fA-F_]*\}|x[0-9a-fA-F]{2}|[^ux\n]))')
  | (?P<lifetime>'(?:r\#)?[^\W\d]\w*)
  | (?P<ident>(?:r\#)?[^\W\d]\w*)
  | (?P<number>\d\w*(?:\.\d\w*)?)
  | (?P<punct>::|->|=>|==|!=|<=|>=|&&|\|\||\.\.=|\.\.\.|\.\.|[!-/:-@\[\]^_{-~])
  | (?P<broken>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK_EDGE = re.compile(r"/\*|\*/")
_KINDS: dict[str, Kind] = {
    "string": "string",
    "char": "char",
    "lifetime": "lifetime",
    "ident": "ident",
    "number": "number",
    "punct": "punct",
    "broken": "broken",
}
OPENING = {"(": ")", "[": "]", "{": "}"}
CLOSING = {close: start for start, close in OPENING.items()}


@dataclass(frozen=True, slots=True)
class Token:
    """One token: its text, and where it starts and ends (offsets in characters)."""

    kind: Kind
    text: str
    start: int
    end: int


def tokens(code: str) -> list[Token]:
    """The tokens of `code` without white space; comments are kept. What no token can be is `broken`."""
    found: list[Token] = []
    at = 0
    while at < len(code):
        match = _TOKEN.match(code, at)
        assert match is not None, "the last alternative takes any character"
        token = _token(code, match)
        at = match.end() if token is None else token.end
        if token is not None:
            found.append(token)
    return found


def _token(code: str, match: re.Match[str]) -> Token | None:
    group, start, end = match.lastgroup, match.start(), match.end()
    if group == "space":
        return None
    if group == "line":
        return Token(_comment(match[0]), match[0], start, end)
    if group == "block":
        return _block(code, start)
    if group in ("raw", "hashes"):
        return _raw(code, match)
    kind = _KINDS[str(group)]
    text = match[0]
    if kind == "ident":
        # rustc compares identifiers in this normal form, in which for example the Kelvin sign is a K.
        text = unicodedata.normalize("NFC", text.removeprefix("r#")) if not text.isascii() else text.removeprefix("r#")
    return Token(kind, text, start, end)


def _comment(text: str) -> Kind:
    doc = text.startswith(("///", "//!", "/**", "/*!")) and not text.startswith(("////", "/***", "/**/"))
    return "doc" if doc else "comment"


def _block(code: str, start: int) -> Token:
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
    end = len(code) if at < 0 else at + len(close)
    return Token("broken" if at < 0 else "string", code[match.start() : end], match.start(), end)


def significant(found: list[Token]) -> list[Token]:
    """Without comments."""
    return [token for token in found if token.kind not in ("comment", "doc")]


def partners(found: list[Token]) -> dict[int, int] | None:
    """Index of each opening delimiter → index of its closing one; None where they do not match up."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for index, token in enumerate(found):
        if token.kind != "punct":
            continue
        if token.text in OPENING:
            stack.append(index)
        elif token.text in CLOSING:
            if not stack or found[stack[-1]].text != CLOSING[token.text]:
                return None
            pairs[stack.pop()] = index
    return None if stack else pairs


def depth(found: list[Token]) -> int:
    """The deepest nesting of delimiters."""
    deepest = level = 0
    for token in found:
        if token.kind == "punct":
            level += (token.text in OPENING) - (token.text in CLOSING)
            deepest = max(deepest, level)
    return deepest
