"""The beginning of a function → the rest."""

from collections.abc import Iterator

from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, block, fence, pick


class Completion(Task):
    """Complete a function that is cut after some line of its body."""

    name = "completion"
    question_shows = "the function up to some line"
    answer_is = "the rest"
    checked_by = "joining the two, and compiling"
    answer_kind = "rest"
    headline = "syntax"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a body that is too short to be cut."""
        lines = subject.code.splitlines()
        first = subject.attributes.count("\n") + subject.signature.count("\n") + 2
        if len(lines) - first < 2:
            return None
        cut = first + pick(f"cut {subject.key}", len(lines) - first - 1)
        head, rest = "\n".join(lines[:cut]), "\n".join(lines[cut:])
        instruction = f"Complete this Rust code. Give only what is missing.\n\n{fence(head)}"
        return Draft(instruction, fence(rest), given=block(head))

    def functions(self, answer: str, given: str, reference: str) -> Iterator[str]:  # noqa: ARG002
        """The given lines, then the answer."""
        yield given + answer
