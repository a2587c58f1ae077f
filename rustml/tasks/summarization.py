"""What a commit changed in a function → the first line of its message."""

import difflib

from rustml.records import Edit
from rustml.tasks.bug_fix import AFTER, BEFORE
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft


class Summarization(EditTask):
    """Say in one line what a change does."""

    name = "summarization"
    question_shows = "the difference that a commit made to a function"
    answer_is = "the first line of the commit's message"
    checked_by = "comparison alone; both compile in their crate, and its tests notice the function and pass after"
    answer_kind = "prose"
    headline = "edit"
    criteria = (
        "The answer is the first line of a commit message for the change in the task. Rate whether it is true of the "
        "change, names what matters in it, and is brief."
    )
    example = example(name, BEFORE, AFTER, "Fix a division by zero where there are no numbers")

    def draft(self, edit: Edit) -> Draft:
        """Ask for the message of a difference."""
        instruction = f"Write the first line of the commit message for this change of a Rust {noun(edit)}."
        return Draft(f"{instruction}\n\n```diff\n{difference(edit)}\n```", edit.notes[0].partition("\n")[0])


def difference(edit: Edit) -> str:
    """The unified difference, without names of files and numbers of lines."""
    lines = difflib.unified_diff(edit.before.splitlines(), edit.after.splitlines(), lineterm="", n=3)
    return "\n".join("@@" if line.startswith("@@") else line for line in list(lines)[2:])
