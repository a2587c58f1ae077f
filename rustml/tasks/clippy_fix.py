"""A function that clippy warns about, and its warnings → the function without them."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

BEFORE = """\
pub fn is_small(number: u64) -> bool {
    if number < 10 {
        return true;
    } else {
        return false;
    }
}
"""
AFTER = """\
pub fn is_small(number: u64) -> bool {
    number < 10
}
"""


class ClippyFix(EditTask):
    """Do what clippy asks for, without its suggestion."""

    name = "clippy_fix"
    question_shows = "the function, the names and messages of clippy's lints"
    checked_by = "clippy in its crate: the function compiles, and no lint is left in it"
    headline = "clippy"
    example = example(
        name,
        BEFORE,
        AFTER,
        "`clippy::needless_bool`: this if-then-else expression returns a bool literal, "
        "at `if number < 10 { return true; } else { return false; }`",
    )

    def draft(self, edit: Edit) -> Draft:
        """Ask for a function that clippy says nothing about."""
        warnings = "\n".join(f"- {note}" for note in edit.notes)
        instruction = f"Clippy warns about this Rust {noun(edit)}. Write it without the warnings."
        return Draft(f"{instruction}\n\n{fence(edit.before)}\n\nWarnings:\n{warnings}", fence(edit.after))
