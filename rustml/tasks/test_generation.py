"""A function → a test that its own crate has for it."""

from rustml.rust.functions import outdent
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence, pick


class TestGeneration(Task):
    """Write a test of a function."""

    __test__ = False  # pytest collects classes by their name

    name = "test_generation"
    question_shows = "the function"
    answer_is = "a test of the same file that calls it"
    checked_by = "running it"
    answer_kind = "test"
    headline = "tests"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a function that no test of its file calls."""
        if not subject.tests:
            return None
        test = subject.tests[pick(f"test {subject.key}", len(subject.tests))]
        instruction = f"Write a Rust test for this {subject.noun}.\n\n{fence(subject.code)}"
        return Draft(instruction, fence(outdent(test.text, test)), test=test)
