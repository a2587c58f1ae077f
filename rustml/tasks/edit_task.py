"""A question about a verified change of a function: what it was, and what was said of it → what it became."""

from abc import abstractmethod
from typing import ClassVar

from rustml.records import Edit, Origin
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import AnswerKind, Draft, Task


class EditTask(Task):
    """One category of changes. The `edits` stage makes them; a function alone makes none."""

    answer_is = "the function as it became"
    answer_kind: ClassVar[AnswerKind] = "function"
    from_source = False
    example: ClassVar[Edit]
    """For the documentation."""

    def make(self, subject: DocumentedFunction) -> None:
        """Makes nothing of a function."""

    @abstractmethod
    def draft(self, edit: Edit) -> Draft:
        """Question and answer about a change."""


def noun(edit: Edit) -> str:
    """`function`, or `method of` the header of its `impl` or `trait`."""
    context = " ".join(edit.context.split())
    return f"method of `{context}`" if context else "function"


def example(task: str, before: str, after: str, *notes: str) -> Edit:
    """A change for the documentation."""
    origin = Origin(kind="crate", name="example", version="1.0.0", licence="MIT", path="src/lib.rs")
    return Edit(id="example", task=task, origin=origin, span=(0, 1), before=before, after=after, notes=notes)
