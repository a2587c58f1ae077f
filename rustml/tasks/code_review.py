"""A function before a commit corrected it → the commit's message, which says what was wrong."""

from rustml.records import Edit
from rustml.tasks.bug_fix import AFTER, BEFORE
from rustml.tasks.edit_task import EditTask, example, noun
from rustml.tasks.task import Draft, fence


class CodeReview(EditTask):
    """Say what is wrong with a function."""

    name = "code_review"
    question_shows = "the function before a commit that corrected it"
    answer_is = "the commit's message"
    checked_by = "comparison alone; both compile in their crate, and its tests fail before and pass after"
    answer_kind = "prose"
    headline = "edit"
    criteria = (
        "The answer is a reviewer's remark on the Rust function in the task, which has a fault. Rate whether it names "
        "the fault that the reference names, and says nothing that is untrue of the code."
    )
    example = example(
        name,
        BEFORE,
        AFTER,
        "Fix a division by zero where there are no numbers\n\nThe mean of an empty slice ended the process.",
    )

    def draft(self, edit: Edit) -> Draft:
        """Ask for what is wrong."""
        instruction = f"Review this Rust {noun(edit)}. What is wrong with it?"
        return Draft(f"{instruction}\n\n{fence(edit.before)}", "\n\n".join(edit.notes))
