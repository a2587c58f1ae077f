"""Documentation comments: which comments are documentation, their lines and their words."""

import re
from collections.abc import Iterator


def is_outer_doc(comment: str) -> bool:
    """Whether a comment that begins like this documents the item after it."""
    if comment.startswith("///"):
        return not comment.startswith("////")
    return comment.startswith("/**") and not comment.startswith(("/***", "/**/"))


def is_doc(comment: str) -> bool:
    """Whether a comment that begins like this documents the item after it or the one that it stands in."""
    return is_outer_doc(comment) or comment.startswith(("//!", "/*!"))


def doc_lines(leading: str) -> list[str]:
    """The lines of documentation comments in the text before an item, outdented; other lines are left out."""
    lines: list[str] = []
    block = False
    for line in (raw.strip() for raw in leading.splitlines()):
        block = block or (is_outer_doc(line[:4]) and line.startswith("/**"))
        if block or is_outer_doc(line[:4]):
            lines.append(line)
        block = block and not line.endswith("*/")
    return lines


def doc_text(leading: str) -> str:
    """The words of the documentation comment before an item, comment marks removed."""
    bare: list[str] = []
    for line in doc_lines(leading):
        unmarked = re.sub(r"^(?:///|/\*\*|\*(?!/))", "", line)
        bare.append(re.sub(r"\*/$", "", unmarked).strip())
    return "\n".join(bare).strip()


def doc_texts(source: str) -> Iterator[list[str]]:
    """Each run of documentation comments in a file, as its lines without comment marks."""
    lines: list[str] = []
    block = False
    for line in source.splitlines():
        bare = line.strip()
        if not block and bare.startswith(("///", "//!")):
            lines.append(bare[3:].removeprefix(" "))
        elif block or bare.startswith(("/**", "/*!")):
            block = not bare.endswith("*/")
            lines.append(bare.lstrip("/").lstrip("*!").removesuffix("*/").removeprefix(" "))
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines
