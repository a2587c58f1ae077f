"""A function → its documentation comment."""

from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence


class DocstringGeneration(Task):
    """Document a function."""

    name = "docstring_generation"
    question_shows = "the function"
    answer_is = "its documentation comment"
    checked_by = "comparison alone"
    answer_kind = "prose"
    headline = "edit"
    criteria = (
        "The answer is a documentation comment of the Rust function in the task. Rate whether it is true of the code, "
        "says what a caller must know (purpose, arguments, result, panics and errors), and is clear and brief."
    )

    def make(self, subject: DocumentedFunction) -> Draft:
        """Ask with the function without its documentation."""
        instruction = f"Write the documentation comment of this Rust {subject.noun}.\n\n{fence(subject.code)}"
        return Draft(instruction, fence(subject.docs))
