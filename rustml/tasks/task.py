"""What a task category is: a question about a documented function, whose answer the source itself holds.

To add a category, write a file beside this one with a subclass of `Task`, add it to `TASKS`, and give it a weight under
`pairs.tasks` in the profile.
"""

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rustml.rust.functions import Function
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.text_similarity import edit_similarity, exact, syntax_similarity

AnswerKind = Literal[
    "function",  # a whole function
    "rest",  # the end of the function whose beginning is given
    "line",  # a corrected line of the function that is given
    "test",  # a test function
    "name",
    "prose",
    "any",  # of an anchor: all that its pool holds
]
CODE: frozenset[AnswerKind] = frozenset({"function", "rest", "line", "test"})


@dataclass(frozen=True)
class Draft:
    """Question and answer, before they become a record."""

    instruction: str
    answer: str
    given: str = ""
    """The code in the question that `Task.functions` needs to make a function of an answer; else empty."""
    test: Function | None = None
    """The test that is the answer, for a task whose answer is a test."""


class Task(ABC):
    """One category. Its random choices are a hash of the function's key, independent of the rest of the corpus."""

    name: ClassVar[str]
    question_shows: ClassVar[str]
    """For the documentation, as the next two."""
    answer_is: ClassVar[str]
    checked_by: ClassVar[str]
    answer_kind: ClassVar[AnswerKind]
    headline: ClassVar[str]
    """The score that speaks for the task: one of `text_scores`, `compile`, `clippy` or `tests`."""
    from_source: ClassVar[bool] = True
    """Whether the answer's text stands in the source; else it was made from it."""
    criteria: ClassVar[str] = ""
    """What an LLM judge rates an answer by; empty for a task that it does not rate."""

    @abstractmethod
    def make(self, subject: DocumentedFunction) -> Draft | None:
        """Question and answer about a function, or None where the function does not lend itself to the task."""

    @property
    def asks_for_code(self) -> bool:
        """Whether an answer can be put into the crate and compiled there."""
        return self.answer_kind in CODE

    def functions(self, answer: str, given: str, reference: str) -> Iterator[str]:  # noqa: ARG002
        """The functions that the code of an answer may mean, best first; nothing where it asks for no code.

        `given` is the draft's, `reference` the function of the source without documentation and attributes.
        """
        if self.asks_for_code:
            yield answer

    def text_scores(self, answer: str, reference: str) -> Mapping[str, float]:
        """Similarity of an answer's text to the reference's, in [0, 1], by name of the measure."""
        scores = {"exact": exact(answer, reference), "edit": edit_similarity(answer, reference)}
        return scores if self.answer_kind == "prose" else scores | {"syntax": syntax_similarity(answer, reference)}


class FunctionTask(Task):
    """Asks for a whole function."""

    answer_is = "the function"
    checked_by = "compiling it in its crate"
    answer_kind = "function"
    headline = "tests"


class NameTask(Task):
    """Asks for one name, hidden wherever it occurs in the function."""

    answer_is = "the name"
    checked_by = "equality"
    answer_kind = "name"
    headline = "exact"
    question: ClassVar[str]
    blank: ClassVar[str] = "placeholder"
    """Stands for the name."""
    hidden: ClassVar[str] = "name"
    """What is named; the choice among several names depends on this word."""

    @abstractmethod
    def names(self, subject: DocumentedFunction) -> Sequence[str]:
        """Names that can be hidden, in an order that depends on the function alone."""

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a function without a name that can be hidden."""
        names = self.names(subject)
        if not names:
            return None
        name = names[pick(f"{self.hidden} {subject.key}", len(names))]
        code = re.sub(rf"\b{re.escape(name)}\b", self.blank, subject.code)
        return Draft(f"{self.question}\n\n{fence(code)}", f"`{name}`")


class AnchorTask(Task):
    """Stands for records outside the registry: anchors and raw text, which a suite may ask but no file makes here."""

    name = "anchor"
    question_shows = "the question of its pool"
    answer_is = "the answer of its pool"
    checked_by = "comparison alone"
    answer_kind = "any"
    headline = "edit"

    def make(self, subject: DocumentedFunction) -> None:
        """Makes nothing of a function."""


def block(code: str) -> str:
    """The contents of a fenced block of code, last line end included; the first line keeps its indentation."""
    stripped = code.strip("\n").rstrip()
    return f"{stripped}\n"


def fence(code: str) -> str:
    """A fenced block of Rust."""
    return f"```rust\n{block(code)}```"


def pick(key: str, count: int) -> int:
    """A number in [0, `count`) that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count
