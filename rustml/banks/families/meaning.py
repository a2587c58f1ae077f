"""What a task asks, or a part of it: once in English, and once in each language."""

from typing import NamedTuple


class Meaning(NamedTuple):
    """A value, a condition or a whole task."""

    english: str
    """Of a task, from its verb on: "returns x plus 3"."""
    rust: str
    """Of a task, the body of the reference, clippy-clean."""
    python: str
    """Of a task, the body of the twin, with the same results on every input of the task."""


def literal(value: object) -> Meaning:
    """A constant that is written alike in all three."""
    return Meaning(str(value), str(value), str(value))


def either(condition: Meaning, yes: Meaning, no: Meaning) -> Meaning:
    """A task that returns one of two values."""
    return Meaning(
        english=f"returns {yes.english} if {condition.english}, otherwise {no.english}",
        rust=f"if {condition.rust} {{\n    {yes.rust}\n}} else {{\n    {no.rust}\n}}",
        python=f"if {condition.python}:\n    return {yes.python}\nreturn {no.python}",
    )
