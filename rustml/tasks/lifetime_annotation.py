"""A function without the lifetimes of its signature, and what the compiler says → the function with them."""

from rustml.records import Edit
from rustml.tasks.compile_error_fix import told
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence

AFTER = """\
pub fn longer<'a>(one: &'a str, other: &'a str) -> &'a str {
    if one.len() < other.len() { other } else { one }
}
"""
MESSAGE = """\
error[E0106]: missing lifetime specifier
 --> src/lib.rs:1:44
  |
1 | pub fn longer(one: &str, other: &str) -> &str {
  |                    ----         ----     ^ expected named lifetime parameter"""


class LifetimeAnnotation(EditTask):
    """Add the lifetimes that a signature needs."""

    name = "lifetime_annotation"
    question_shows = "the function without the lifetimes of its signature, the compiler's errors"
    checked_by = "compiling it in its crate"
    headline = "compile"
    example = example(name, AFTER.replace("<'a>", "").replace("'a ", ""), AFTER, MESSAGE)

    def draft(self, edit: Edit) -> Draft:
        """Ask for the function with a signature that compiles."""
        instruction = f"The signature of this Rust {noun(edit)} lacks lifetimes. Annotate it.\n\n{fence(edit.before)}"
        return Draft(f"{instruction}\n\n{told(edit)}", fence(edit.after))
