"""A function that panics where an operation fails → the function that returns the error."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

AFTER = """\
pub fn sum_of_lines(text: &str) -> Result<u64, std::num::ParseIntError> {
    let mut sum = 0;
    for line in text.lines() {
        sum += line.parse::<u64>()?;
    }
    Ok(sum)
}
"""


class ErrorHandling(EditTask):
    """Pass errors on to the caller."""

    name = "error_handling"
    question_shows = "the function with `.unwrap()` for every `?`"
    checked_by = "equality: both compile, and clippy's lints of panics point at the first alone"
    headline = "exact"
    example = example(name, AFTER.replace("?;", ".unwrap();"), AFTER)

    def draft(self, edit: Edit) -> Draft:
        """Ask for a function that returns what fails in it."""
        instruction = (
            f"This Rust {noun(edit)} panics where an operation fails. Return the error or `None` to the caller"
        )
        return Draft(f"{instruction} instead.\n\n{fence(edit.before)}", fence(edit.after))
