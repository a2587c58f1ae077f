"""A function and the message of a commit that changed it → the function afterwards."""

from typing import ClassVar

from rustml.records import Edit
from rustml.tasks.edit_task import EditTask, noun
from rustml.tasks.task import Draft, fence


class CommitTask(EditTask):
    """Asks for what a commit made of a function."""

    question_shows = "the function, the commit's message"
    checked_by = "comparison; both compile in their crate, and its tests notice its function and pass before and after"
    headline = "syntax"
    request: ClassVar[str]
    """What stands before the commit's message; `{noun}` stands for what the function is."""

    def draft(self, edit: Edit) -> Draft:
        """Ask for the function as the commit left it."""
        instruction = f"{self.request.format(noun=noun(edit))}: {edit.notes[0]}"
        return Draft(f"{instruction}\n\n{fence(edit.before)}", fence(edit.after))
