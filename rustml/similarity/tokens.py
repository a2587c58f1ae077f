"""Tokens of a text for comparing it with others: runs of word characters; what stands between them does not count."""

import re

WORD = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """Runs of letters, digits and underscores, in order."""
    return WORD.findall(text)
