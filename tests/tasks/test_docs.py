"""The documentation's tables of tasks are those of the registry."""

from pathlib import Path

from rustml.tasks import TASKS

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_table_of_tasks_lists_every_task_as_it_describes_itself() -> None:
    rows = [
        f"| `{task.name}` | {task.question_shows} | {task.answer_is} | {task.checked_by} |" for task in TASKS.values()
    ]
    assert _table("corpus.md", "| task | question shows | answer | checked by |") == rows


def test_the_table_of_headline_measures_lists_every_task() -> None:
    rows = [f"| `{task.name}` | `{task.headline}` |" for task in TASKS.values()]
    assert _table("evaluation.md", "| task | headline measure |") == rows


def _table(page: str, head: str) -> list[str]:
    lines = (DOCS / page).read_text().splitlines()
    first = lines.index(head) + 2
    return lines[first : lines.index("", first)]
