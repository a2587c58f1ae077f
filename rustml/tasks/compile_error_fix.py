"""A function that does not compile, and what the compiler says → the function as its crate has it."""

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.refactoring import BEFORE as AFTER
from rustml.tasks.task import Draft, fence

MESSAGE = """\
error[E0384]: cannot assign twice to immutable variable `sum`
 --> src/lib.rs:4:9
  |
2 |     let sum = 0;
  |         --- first assignment to `sum`
3 |     for number in numbers {
4 |         sum += number;
  |         ^^^^^^^^^^^^^ cannot assign twice to immutable variable"""


class CompileErrorFix(EditTask):
    """Mend a function that the compiler refuses."""

    name = "compile_error_fix"
    question_shows = "the function with one small mistake, the compiler's errors"
    checked_by = "compiling it in its crate"
    headline = "compile"
    example = example(name, AFTER.replace("mut ", ""), AFTER, MESSAGE)

    def draft(self, edit: Edit) -> Draft:
        """Ask for a function that compiles."""
        instruction = f"This Rust {noun(edit)} does not compile. Correct it.\n\n{fence(edit.before)}"
        return Draft(f"{instruction}\n\n{told(edit)}", fence(edit.after))


def told(edit: Edit) -> str:
    """The compiler's words in a block."""
    text = "\n\n".join(edit.notes)
    return f"The compiler says:\n\n```text\n{text}\n```"
