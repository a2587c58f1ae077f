"""Answers that grow, and answers in another language."""

import msgspec
import pytest

from rustml.training.guards import is_foreign, overlong
from tests.support.toy_models import problem, profile

GUARDS = profile().grpo.guards
CODE = "```rust\nfn add_1(a: i64) -> i64 { a + 1 }\n```"


def test_length_costs_nothing_where_the_profile_has_no_cache() -> None:
    assert GUARDS.overlong_cache == 0
    assert overlong(96, 96, GUARDS) == 0


@pytest.mark.parametrize(
    ("answer", "foreign"),
    [
        (CODE, False),
        ("", False),
        (f"Here it is.\n{CODE}\nIt prints:\n```text\n3\n```", False),
        (f"It takes Δt and µ.\n{CODE}", False),
        (f"In Python:\n```python\nx = 1\n```\n{CODE}", True),
        (f"Вот ответ.\n{CODE}", True),
        (f"这是答案。\n{CODE}", True),
        ("```rust\nfn add_1(a: i64) -> i64 { a + 1 } // прибавляет один\n```", False),
        (f"1. 2. 3.\n{CODE}", False),
    ],
)
def test_another_language_is_another_script_of_the_prose_or_another_tag(answer: str, foreign: bool) -> None:
    assert is_foreign(answer, problem(1), GUARDS.foreign_share) is foreign


def test_the_script_of_the_prompt_is_not_foreign() -> None:
    asked = msgspec.structs.replace(problem(1), instruction="Напиши функцию `add_1`.")
    assert not is_foreign(f"Вот ответ.\n{CODE}", asked, GUARDS.foreign_share)
