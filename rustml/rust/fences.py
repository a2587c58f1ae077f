"""Fenced blocks of Markdown: the code of a chat answer."""

import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from rustml.records import Language
from rustml.rust.lexer import lexes, tokens

FENCE = re.compile(r"^[ \t]*(?P<fence>`{3,}|~{3,})[ \t]*(?P<info>[^`\n]*)$")
"""A line that opens or closes a fenced block."""
_BLOCK = re.compile(r"^[ \t]*```[^\n`]*\n(.*?)^[ \t]*```[ \t]*$", re.MULTILINE | re.DOTALL)
_TAGS: dict[Language, frozenset[str]] = {
    "rust": frozenset({"", "rust", "rs"}),
    "python": frozenset({"", "python", "py", "python3"}),
}
_DECLARES = {"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"}


def extract(answer: str, entry_point: str, language: Language = "rust") -> str | None:
    """The last complete fenced block of `answer` that defines `entry_point`, or None: the status `format`.

    A block counts without a language tag too. A fence inside a block's doc comment or string does not end it, and a
    block that never ends (a truncated answer) does not count. For `Type::method` the block has to define the type. An
    empty entry point takes the last block.
    """
    name = entry_point.split("::", maxsplit=1)[0]
    lines = _lines(answer)
    blocks_of = (block for block in _complete_blocks(lines, language) if block.tag in _TAGS[language])
    codes = ["\n".join([*lines[block.first + 1 : block.last], ""]) for block in blocks_of]
    named = [code for code in codes if not name or _defines(code, name, language)]
    return named[-1] if named else None


def other_languages(answer: str, language: Language) -> set[str]:
    """Tags of the complete fenced blocks of `answer` that name another language; `text` names none."""
    return {block.tag for block in _complete_blocks(_lines(answer), language)} - _TAGS[language] - {"text"}


def prose(answer: str, language: Language) -> str:
    """The lines of `answer` outside of its complete fenced blocks."""
    lines = _lines(answer)
    for block in reversed(list(_complete_blocks(lines, language))):
        del lines[block.first : block.last + 1]
    return "\n".join(lines)


def blocks(text: str) -> list[str]:
    """The contents of the fenced blocks of a text in any language; each ends at the next closing fence."""
    return [match[1] for match in _BLOCK.finditer(text)]


class _Block(NamedTuple):
    """A fenced block: its language tag, and the numbers of the lines of its fences."""

    tag: str
    first: int
    last: int


def _lines(answer: str) -> list[str]:
    return answer.replace("\r\n", "\n").split("\n")


def _complete_blocks(lines: list[str], language: Language) -> Iterator[_Block]:
    fences = [FENCE.match(line) for line in lines]
    at = 0
    while at < len(lines):
        opening = fences[at]
        if opening is None:
            at += 1
            continue
        end = _closing(lines, fences, at, language)
        if end is None:
            return
        yield _Block(re.split(r"[\s,{]", opening["info"].strip().lower())[0], at, end)
        at = end + 1


def _closing(lines: list[str], fences: list[re.Match[str] | None], at: int, language: Language) -> int | None:
    """The line that ends the block opened at line `at`: the first after which the code is whole, else the first."""
    opening = fences[at]
    assert opening is not None
    ends = [
        line
        for line in range(at + 1, len(lines))
        if (fence := fences[line]) is not None and not fence["info"] and fence["fence"].startswith(opening["fence"])
    ]
    for end in ends:
        inner = fences[at + 1 : end]
        # Another block's opening in between: the first closing fence was the right one.
        if any(fence is not None and fence["info"].strip() for fence in inner):
            break
        if _whole("\n".join(lines[at + 1 : end]), language):
            return end
    return ends[0] if ends else None


def _whole(code: str, language: Language) -> bool:
    if language == "rust":
        return lexes(code)
    return code.count('"""') % 2 == 0 and code.count("'''") % 2 == 0


def _defines(code: str, name: str, language: Language) -> bool:
    if language == "python":
        return (
            re.search(rf"^\s*(?:async\s+)?(?:def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*=", code, re.M)
            is not None
        )
    words = [token.text for token in tokens(code) if token.kind != "comment"]
    pairs = itertools.pairwise(words)
    macro = ["macro_rules", "!", name]
    named = any(word in _DECLARES and follows == name for word, follows in pairs)
    return named or any(words[at : at + 3] == macro for at in range(len(words)))
