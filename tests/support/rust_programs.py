"""Rust programs of `programs/*.txt`: a line `=== name | entry point`, the code, a line `--- tests`, the tests."""

import re
from pathlib import Path

_FOLDER = Path(__file__).parent / "programs"


def rust_programs(file: str) -> list[tuple[str, str, str, str]]:
    """Name, entry point, code and tests of each."""
    sections = re.split(r"^=== (.*) [|] (.*)\n", (_FOLDER / f"{file}.txt").read_text(), flags=re.MULTILINE)[1:]
    texts = [section.partition("--- tests\n") for section in sections[2::3]]
    heads = zip(sections[::3], sections[1::3], texts, strict=True)
    return [(name, entry, code, tests) for name, entry, (code, _, tests) in heads]
