"""A function and the message of a commit that made it faster → the function afterwards."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

BEFORE = """\
pub fn largest(numbers: &[u64]) -> Option<u64> {
    let mut sorted = numbers.to_vec();
    sorted.sort();
    sorted.last().copied()
}
"""
AFTER = """\
pub fn largest(numbers: &[u64]) -> Option<u64> {
    numbers.iter().max().copied()
}
"""


class Optimization(EditTask):
    """Make a function faster without changing what it does."""

    name = "optimization"
    question_shows = "the function, the commit's message"
    checked_by = "comparison; both compile in their crate, and its tests notice its function and pass before and after"
    headline = "syntax"
    example = example(name, BEFORE, AFTER, "Find the largest number without sorting a copy")

    def draft(self, edit: Edit) -> Draft:
        """Ask for the function as the commit left it."""
        instruction = f"Make this Rust {noun(edit)} faster without a change of behaviour: {edit.notes[0]}"
        return Draft(f"{instruction}\n\n{fence(edit.before)}", fence(edit.after))
