"""Task categories, one per file: question, answer, how the answer becomes a whole function, scores, headline metric.

subject = documented(function, "serde-1.0.0/src/lib.rs:120", tests=())
draft = TASKS["completion"].make(subject)
"""

from collections.abc import Mapping
from typing import TypeVar

from rustml.tasks.api_usage_prediction import ApiUsagePrediction
from rustml.tasks.bug_detection import BugDetection
from rustml.tasks.bug_fix import BugFix
from rustml.tasks.clippy_fix import ClippyFix
from rustml.tasks.code_review import CodeReview
from rustml.tasks.compile_error_fix import CompileErrorFix
from rustml.tasks.completion import Completion
from rustml.tasks.docstring_generation import DocstringGeneration
from rustml.tasks.edit_task import EditTask
from rustml.tasks.error_handling import ErrorHandling
from rustml.tasks.function import DocumentedFunction, documented
from rustml.tasks.function_naming import FunctionNaming
from rustml.tasks.instruction_code import InstructionCode
from rustml.tasks.lifetime_annotation import LifetimeAnnotation
from rustml.tasks.optimization import Optimization
from rustml.tasks.refactoring import Refactoring
from rustml.tasks.search import Search
from rustml.tasks.sig_doc_impl import SigDocImpl
from rustml.tasks.summarization import Summarization
from rustml.tasks.task import AnchorTask, Draft, Task
from rustml.tasks.test_generation import TestGeneration
from rustml.tasks.variable_naming import VariableNaming

T = TypeVar("T", bound=Task)


def _by_name(*tasks: T) -> Mapping[str, T]:
    return {task.name: task for task in tasks}


OF_FUNCTIONS: Mapping[str, Task] = _by_name(
    SigDocImpl(),
    InstructionCode(),
    Completion(),
    DocstringGeneration(),
    TestGeneration(),
    FunctionNaming(),
    VariableNaming(),
    ApiUsagePrediction(),
    BugDetection(),
    Search(),
)
"""Those that ask about a documented function, by name."""
EDIT_TASKS: Mapping[str, EditTask] = _by_name(
    ClippyFix(),
    CompileErrorFix(),
    ErrorHandling(),
    LifetimeAnnotation(),
    Refactoring(),
    Optimization(),
    BugFix(),
    Summarization(),
    CodeReview(),
)
"""Those that ask about a verified change of a function, which the `edits` stage makes, by name."""
TASKS: Mapping[str, Task] = {**OF_FUNCTIONS, **EDIT_TASKS}
"""By name. Nothing outside this folder lists the categories; a profile gives them weights."""


def task_of(name: str) -> Task:
    """The category of a record; one without a category, such as an anchor, is compared by its text alone."""
    return TASKS.get(name) or AnchorTask()


__all__ = [
    "EDIT_TASKS",
    "OF_FUNCTIONS",
    "TASKS",
    "DocumentedFunction",
    "Draft",
    "EditTask",
    "Task",
    "documented",
    "task_of",
]
