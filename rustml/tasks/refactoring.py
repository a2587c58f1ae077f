"""A function and the message of a commit that refactored it → the function afterwards."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

BEFORE = """\
pub fn total(numbers: &[u64]) -> u64 {
    let mut sum = 0;
    for number in numbers {
        sum += number;
    }
    sum
}
"""
AFTER = """\
pub fn total(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}
"""


class Refactoring(EditTask):
    """Change the form of a function and not what it does."""

    name = "refactoring"
    question_shows = "the function, the commit's message"
    checked_by = "comparison; both compile in their crate, and its tests notice its function and pass before and after"
    headline = "syntax"
    example = example(name, BEFORE, AFTER, "Use a sum instead of a loop")

    def draft(self, edit: Edit) -> Draft:
        """Ask for the function as the commit left it."""
        instruction = f"Refactor this Rust {noun(edit)} without a change of behaviour: {edit.notes[0]}"
        return Draft(f"{instruction}\n\n{fence(edit.before)}", fence(edit.after))
