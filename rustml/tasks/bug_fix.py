"""A function and the message of a commit that corrected it → the function afterwards."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

BEFORE = """\
pub fn mean(numbers: &[u64]) -> u64 {
    numbers.iter().sum::<u64>() / numbers.len() as u64
}
"""
AFTER = """\
pub fn mean(numbers: &[u64]) -> u64 {
    numbers.iter().sum::<u64>() / numbers.len().max(1) as u64
}
"""


class BugFix(EditTask):
    """Correct what a commit's message says is wrong."""

    name = "bug_fix"
    question_shows = "the function before, the commit's message"
    checked_by = "comparison; both compile in their crate, and its tests notice its function and pass after"
    headline = "syntax"
    example = example(name, BEFORE, AFTER, "Fix a division by zero where there are no numbers")

    def draft(self, edit: Edit) -> Draft:
        """Ask for the function as the commit left it."""
        instruction = f"Correct this Rust {noun(edit)}: {edit.notes[0]}"
        return Draft(f"{instruction}\n\n{fence(edit.before)}", fence(edit.after))
