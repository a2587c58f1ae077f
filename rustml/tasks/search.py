"""What a function is for, and several functions of its file without their names → the one that is described."""

import re

from rustml.rust.doc_comments import doc_text
from rustml.rust.functions import Function, outdent
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence, pick

CHOICES = 4
MIN_CHARACTERS = 20
MAX_CHARACTERS = 1200
"""Of one function: several stand in a question."""


class Search(Task):
    """Find the function that a description means."""

    name = "search"
    question_shows = "the documentation's first paragraph, functions of the file without their names"
    answer_is = "the placeholder of the function that is described"
    checked_by = "equality"
    answer_kind = "name"
    headline = "exact"
    from_source = False

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a short description, a long function, or a file with fewer than two other functions like it."""
        paragraph = " ".join(doc_text(subject.function.leading).partition("\n\n")[0].split())
        others = [function for function in subject.neighbours if len(_code(function)) <= MAX_CHARACTERS]
        if len(paragraph) < MIN_CHARACTERS or len(_code(subject.function)) > MAX_CHARACTERS or len(others) < 2:
            return None
        if re.search(rf"\b{re.escape(subject.function.name)}\b", paragraph):
            return None
        others.sort(key=lambda function: pick(f"search {subject.key} {function.start}", 1 << 32))
        position = pick(f"place {subject.key}", min(CHOICES, len(others) + 1))
        choices = [*others[:position], subject.function, *others[position : CHOICES - 1]]
        shown = "\n".join(_hidden(function, number) for number, function in enumerate(choices, start=1))
        question = f"Which of these Rust functions does this describe? {paragraph}"
        return Draft(f"{question}\n\n{fence(shown)}", f"`function_{position + 1}`")


def _code(function: Function) -> str:
    return outdent(function.signature + function.body, function)


def _hidden(function: Function, number: int) -> str:
    """The function without documentation, its name a placeholder."""
    return re.sub(rf"\b{re.escape(function.name)}\b", f"function_{number}", _code(function)) + "\n"
