"""A function and the message of a commit that refactored it → the function afterwards."""

from rustml.tasks.commit_task import CommitTask
from rustml.tasks.edit_task import example

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


class Refactoring(CommitTask):
    """Change the form of a function and not what it does."""

    name = "refactoring"
    example = example(name, BEFORE, AFTER, "Use a sum instead of a loop")
    request = "Refactor this Rust {noun} without a change of behaviour"
