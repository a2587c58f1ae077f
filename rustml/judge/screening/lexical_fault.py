"""Texts that do not lex, by what decides rustc's words on them.

rustc stops at such a text before it has read anything else. Its messages follow from the delimiters without a partner,
in their order, and from a string that does not end: pairs that fit change nothing. So texts of one class get the same
messages, whatever the version of rustc. Only plain text has a class, where this lexer and rustc's read the same tokens
and rustc has nothing else to say.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

from rustml.judge.screening.candidate_source import DEEPEST, CandidateSource
from rustml.rust.lexer import CLOSING, OPENING, Token, depth

LONGEST = 8192
"""Longer texts, in characters, have no class."""
MOST = 12
"""Texts with more delimiters without a partner have no class."""
_OTHER = re.compile(r"[^\n\t -~]|[\\`]|/\*|---|<{7}|>{7}|={7}|\|{7}|##")
"""Characters, escapes, block comments, front matter, marks of a merge: rustc may have something else to say of them."""
_NUMBER = re.compile(r"(?:[1-9][\d_]*|0|\d[\d_]*\.\d[\d_]*)(?:[iu](?:8|16|32|64|128|size)|f32|f64)?")
_WORDS = ("ident", "number", "lifetime")


def lexical_fault(source: CandidateSource) -> str:
    """The class of a text that does not lex, such as `{(}`; empty where it has none."""
    stream = source.tokens
    if source.lexes or len(source.code) > LONGEST or _OTHER.search(source.code) or depth(stream) > DEEPEST:
        return ""
    joined = any(_joined(one, other) for one, other in pairwise(stream))
    return "" if joined or not all(map(_plain, stream)) else _unmatched(stream)


def _joined(one: Token, other: Token) -> bool:
    """Whether two tokens stand together as a prefix, a suffix or a lifetime beside a quote may."""
    if one.end != other.start:
        return False
    if one.kind in _WORDS:
        return other.text[0] in "\"'#" or other.kind in _WORDS
    return other.text[0] == '"' if one.text == "#" else one.kind in ("string", "char") and other.kind in _WORDS


def _plain(token: Token) -> bool:
    """Whether a token is one of those that rustc reads in the same way without a word."""
    match token.kind:
        case "number":
            return _NUMBER.fullmatch(token.text) is not None
        case "string" | "broken":
            return token.text.startswith('"')
        case "char":
            return len(token.text) == 3
        case "ident":
            return token.end - token.start == len(token.text)  # else a raw identifier
        case _:
            return token.kind != "lifetime" or "#" not in token.text


def _unmatched(stream: Sequence[Token]) -> str:
    """The delimiters that are left when each pair that fits is taken out, up to a string that does not end."""
    left: list[str] = []
    for token in stream:
        if token.kind == "broken":
            left.append('"')  # rustc reads no further
            break
        if token.kind == "punct" and token.text in CLOSING and left and left[-1] == CLOSING[token.text]:
            left.pop()
        elif token.kind == "punct" and (token.text in CLOSING or token.text in OPENING):
            left.append(token.text)
    return "".join(left) if len(left) <= MOST else ""
