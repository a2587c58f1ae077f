"""A function and the message of a commit that corrected it → the function afterwards."""

from rustml.tasks.commit_task import CommitTask
from rustml.tasks.edit_task import example

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


class BugFix(CommitTask):
    """Correct what a commit's message says is wrong."""

    name = "bug_fix"
    question_shows = "the function before, the commit's message"
    checked_by = "comparison; both compile in their crate, and its tests notice its function and pass after"
    example = example(name, BEFORE, AFTER, "Fix a division by zero where there are no numbers")
    request = "Correct this Rust {noun}"
