"""An instruction in words and a signature → implementation."""

from rustml.rust.doc_comments import doc_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence

MIN_CHARACTERS = 20


class InstructionCode(Task):
    """Write a function that the first paragraph of its documentation describes."""

    name = "instruction_code"
    question_shows = "the documentation's first paragraph, the signature"
    answer_is = "the function"
    checked_by = "compiling it in its crate"
    answer_kind = "function"
    headline = "tests"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a paragraph of less than `MIN_CHARACTERS`."""
        paragraph = " ".join(doc_text(subject.function.leading).partition("\n\n")[0].split())
        if len(paragraph) < MIN_CHARACTERS:
            return None
        signature = " ".join(subject.signature.split())
        instruction = f"Write a Rust {subject.noun}. {paragraph}\n\nSignature: `{signature}`"
        return Draft(instruction, fence(subject.code))
