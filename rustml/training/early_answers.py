"""Answers go to the judge when they have ended, while others of the same step are still being drawn."""

from collections.abc import Mapping
from typing import Any

import torch

from rustml.judge.ahead import AheadJudge
from rustml.judge.completions import candidates_of
from rustml.records import Problem


class EarlyAnswers:
    """Has the judge begin with the answers of a batch that have ended."""

    def __init__(self, judge: AheadJudge, asked: Mapping[str, Problem], tokenizer: Any) -> None:
        """`asked` are the problems by prompt, as the trainer tokenizes it."""
        self._judge, self._tokenizer = judge, tokenizer
        ids = tokenizer(list(asked)).input_ids
        self._asked = {tuple(one): problem for one, problem in zip(ids, asked.values(), strict=True)}

    def ended(self, prompts: torch.Tensor, answers: torch.Tensor) -> None:
        """Token ids of prompts, `[rows, prompt]`, and of answers, `[rows, tokens]`; see `decoding.generate`."""
        problems = [self._asked[self._unpadded(prompt)] for prompt in prompts.tolist()]
        texts = self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        self._judge.begin([draft for draft in candidates_of(problems, texts) if draft is not None])

    def _unpadded(self, ids: list[int]) -> tuple[int, ...]:
        start = next(place for place, token in enumerate(ids) if token != self._tokenizer.pad_token_id)
        return tuple(ids[start:])
