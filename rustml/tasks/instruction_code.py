"""An instruction in words and a signature → implementation."""

from rustml.rust.doc_comments import doc_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, FunctionTask, fence

MIN_CHARACTERS = 20


class InstructionCode(FunctionTask):
    """Write a function that the first paragraph of its documentation describes."""

    name = "instruction_code"
    question_shows = "the documentation's first paragraph, the signature"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a paragraph of less than `MIN_CHARACTERS`."""
        paragraph = " ".join(doc_text(subject.function.leading).partition("\n\n")[0].split())
        if len(paragraph) < MIN_CHARACTERS:
            return None
        signature = subject.signature.strip()
        # A declaration over several lines keeps them: joined, it would be laid out as rustfmt never does.
        heading = f"\n\n{fence(signature)}" if "\n" in signature else f" `{' '.join(signature.split())}`"
        instruction = f"Write a Rust {subject.noun}. {paragraph}\n\nSignature:{heading}"
        return Draft(instruction, fence(subject.code))
