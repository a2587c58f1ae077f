"""A function with its name hidden → the name."""

from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import NameTask


class FunctionNaming(NameTask):
    """Name a function."""

    name = "function_naming"
    question_shows = "the function with its name hidden"
    question = f"What is a good name for this Rust function `{NameTask.blank}`?"

    def names(self, subject: DocumentedFunction) -> list[str]:
        """The function's own; none of less than three letters, and none that a trait prescribes."""
        name = subject.function.name
        return [] if len(name) < 3 or subject.function.kind == "trait" else [name]
