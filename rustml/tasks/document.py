"""`docs/tasks.md`, made from the registry: a table of the categories, and an example of each.

python -m rustml.tasks.document > docs/tasks.md
"""

import sys

from rustml.rust.functions import is_test, parse
from rustml.tasks import EDIT_TASKS, TASKS, DocumentedFunction, EditTask, Task, documented

COMMAND = "python -m rustml.tasks.document > docs/tasks.md"
HEADER = """\
# Task categories

<!-- Generated: {command} -->

Each category is a file of `rustml/tasks/`, and every answer is the source's own text, or one that compiler and clippy
checked in its place. To add a category, write a file beside them, register it in `rustml/tasks/__init__.py`, give it a
weight under `pairs.tasks` in the profile, and make this page again. Measures are explained in
[evaluation.md](evaluation.md).

Verified changes, which `mlflow run . -e edits -P curate=RUN` makes and `pairs -P edits=RUN` takes, are the source of
{edits}. Their weights are 0 by default; [corpus.md](corpus.md) says how a change is checked.
"""
EXAMPLE = """\
/// Adds up the even numbers of a slice, each capped at `limit`.
pub fn sum_of_even(numbers: &[u64], limit: u64) -> u64 {
    let mut total = 0;
    for number in numbers {
        if number % 2 == 0 {
            total += number.min(&limit);
        }
    }
    total
}

/// The larger of two numbers.
pub fn larger(one: u64, other: u64) -> u64 {
    one.max(other)
}

/// Whether a number is below a bound.
pub fn is_below(number: u64, bound: u64) -> bool {
    number < bound
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds_even_numbers() {
        assert_eq!(sum_of_even(&[1, 2, 30], 10), 12);
    }
}
"""


def markdown() -> str:
    """The page."""
    head = "| task | question shows | answer | checked by | headline measure |\n|---|---|---|---|---|\n"
    rows = "".join(
        f"| `{task.name}` | {task.question_shows} | {task.answer_is} | {task.checked_by} | `{task.headline}` |\n"
        for task in TASKS.values()
    )
    header = HEADER.format(command=COMMAND, edits=", ".join(f"`{name}`" for name in EDIT_TASKS))
    return "\n".join([header, head + rows, *(_section(task) for task in TASKS.values())])


def _section(task: Task) -> str:
    """An example of a task, the question and the answer as block quotes. Raises ValueError for a task without one."""
    draft = task.draft(task.example) if isinstance(task, EditTask) else task.make(_example())
    if draft is None:
        raise ValueError(f"{task.name} makes nothing of the example; extend it so that every task has one")
    return f"## `{task.name}`\n\n{_quoted(draft.instruction)}\n\nAnswer:\n\n{_quoted(draft.answer)}\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _example() -> DocumentedFunction:
    file = parse(EXAMPLE)
    assert file is not None, "the example parses"
    tests = tuple(function for function in file.functions if is_test(function))
    others = tuple(function for function in file.functions[1:] if not function.in_test)
    return documented(file.functions[0], "example-1.0.0/src/lib.rs:0", tests, others)


def main() -> None:
    """Print the page."""
    sys.stdout.write(markdown())


if __name__ == "__main__":
    main()
