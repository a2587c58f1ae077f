"""A function with its name hidden → the name."""

import re

from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence

PLACEHOLDER = "placeholder"


class FunctionNaming(Task):
    """Name a function."""

    name = "function_naming"
    question_shows = "the function with its name hidden"
    answer_is = "the name"
    checked_by = "equality"
    answer_kind = "name"
    headline = "exact"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a name of less than three letters, and for one that a trait prescribes."""
        name = subject.function.name
        if len(name) < 3 or subject.function.kind == "trait":
            return None
        hidden = re.sub(rf"\b{re.escape(name)}\b", PLACEHOLDER, subject.code)
        instruction = f"What is a good name for this Rust function `{PLACEHOLDER}`?\n\n{fence(hidden)}"
        return Draft(instruction, f"`{name}`")
