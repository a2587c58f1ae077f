"""Python programs: honest ones with objects of every kind, and wrong ones that let their objects speak for them.

They stand in `programs/*.txt`: a line `=== name`, the candidate's code, a line `--- tests`, the tests.
"""

import re
from pathlib import Path

_FOLDER = Path(__file__).parent / "programs"


def _programs(name: str) -> dict[str, tuple[str, str]]:
    sections = re.split(r"^=== (.*)\n", (_FOLDER / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]
    texts = [section.partition("--- tests\n") for section in sections[1::2]]
    return {name: (code, tests) for name, (code, _, tests) in zip(sections[::2], texts, strict=True)}


HONEST = _programs("honest")
"""Code and tests that pass under plain Python."""
SUITES = _programs("suites")
"""Code and tests, written for unittest or pytest, that pass under pytest."""
WRONG = _programs("wrong")
"""Code and tests for which no verdict may be `passed`."""
