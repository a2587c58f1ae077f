"""Tokens of a text for comparing it with others: runs of word characters, whatever stands between them."""

import re

WORD = re.compile(r"\w+")


def tokens(text: str) -> list[str]:
    """Runs of letters, digits and underscores, in order."""
    return WORD.findall(text)
