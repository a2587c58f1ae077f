"""A function and the message of a commit that made it faster → the function afterwards."""

from rustml.tasks.commit_task import CommitTask
from rustml.tasks.edit_task import example

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


class Optimization(CommitTask):
    """Make a function faster without changing what it does."""

    name = "optimization"
    example = example(name, BEFORE, AFTER, "Find the largest number without sorting a copy")
    request = "Make this Rust {noun} faster without a change of behaviour"
