"""What a model is asked after an answer that did not pass: the same in evaluation, as reward and in records."""

from msgspec import UNSET

from rustml.records import Verdict

REVISION = 1
"""Of the question's words and of what it shows: part of a suite's protocol."""


def question(verdict: Verdict) -> str:
    """What the second attempt is asked; the verdict's candidate has asked for explanations."""
    shown = verdict.detail if verdict.output is UNSET else verdict.output
    return (
        f"This answer did not pass. What the compiler and the tests say:\n\n```text\n{shown}\n```\n\n"
        "The tests are right. Correct the code, and answer with all of it in one fenced block."
    )
