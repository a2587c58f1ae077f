"""The page of task categories: made from the registry, and up to date."""

from pathlib import Path

import pytest

from rustml.tasks import TASKS
from rustml.tasks.document import COMMAND, markdown

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tasks.md"


def test_the_page_is_what_the_registry_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), f"docs/tasks.md is out of date; run: {COMMAND}"


@pytest.mark.parametrize("name", TASKS)
def test_every_task_has_a_row_and_an_example_with_an_answer(name: str) -> None:
    page = markdown()
    assert page.count(f"| `{name}` |") == 1
    example = page.partition(f"## `{name}`\n")[2].partition("\n## ")[0]
    question, _, answer = example.partition("Answer:")
    assert "> " in question
    assert "> " in answer
