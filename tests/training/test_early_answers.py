"""Which problem an answer belongs to, by its prompt without padding."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from rustml import chat
from rustml.records import Candidate
from rustml.training.early_answers import EarlyAnswers
from tests.support.toy_models import problem

TEXTS = {"first": [5, 6], "second": [0, 5, 6, 7]}


class Tokenizer:
    """Texts by name; padding is 0, with which the second text begins."""

    pad_token_id = 0

    def __call__(self, texts: list[str]) -> Any:
        return SimpleNamespace(input_ids=[TEXTS[text] for text in texts])

    def batch_decode(self, rows: torch.Tensor, *, skip_special_tokens: bool) -> list[str]:
        assert skip_special_tokens
        return [chat.answer(problem(int(row[0]))) for row in rows]


class Begun:
    """Keeps what the judge is to begin with."""

    def __init__(self) -> None:
        self.candidates: list[Candidate] = []

    def begin(self, candidates: list[Candidate]) -> None:
        self.candidates += candidates


@pytest.mark.parametrize(
    ("prompt", "number"), [([0, 0, 0, 5, 6], 0), ([0, 0, 5, 6, 7], 1), ([0, 5, 6, 7], 1), ([0, 5, 6], 0)]
)
def test_an_answer_is_begun_for_its_own_problem(prompt: list[int], number: int) -> None:
    judge: Any = Begun()
    early = EarlyAnswers(judge, {"first": problem(0), "second": problem(1)}, Tokenizer())
    early.ended(torch.tensor([prompt]), torch.tensor([[number]]))
    assert [one.tests for one in judge.candidates] == [problem(number).tests]


def test_a_prompt_that_is_not_known_is_left_to_the_reward() -> None:
    judge: Any = Begun()
    early = EarlyAnswers(judge, {"first": problem(0)}, Tokenizer())
    early.ended(torch.tensor([[0, 6], [5, 6]]), torch.tensor([[1], [0]]))
    assert [one.tests for one in judge.candidates] == [problem(0).tests]
