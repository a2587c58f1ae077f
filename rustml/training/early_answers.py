"""Answers go to the judge when they have ended, while others of the same step are still being drawn."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from rustml.judge.ahead import AheadJudge
from rustml.judge.completions import candidates_of
from rustml.records import Problem


class EarlyAnswers:
    """Has the judge begin with the answers of a batch that have ended."""

    def __init__(
        self, judge: AheadJudge, asked: Mapping[str, Problem], tokenizer: Any, *, explained: bool = False
    ) -> None:
        """`asked` are the problems by prompt, as the trainer tokenizes it; `explained` as the reward asks the judge."""
        self._judge, self._tokenizer, self._explained = judge, tokenizer, explained
        ids = tokenizer(list(asked)).input_ids
        self._asked = {self._unpadded(one): problem for one, problem in zip(ids, asked.values(), strict=True)}

    def ended(self, prompts: torch.Tensor, answers: torch.Tensor) -> None:
        """Token ids of prompts, `[rows, prompt]`, and of answers, `[rows, tokens]`; see `decoding.generate`.

        A prompt that the trainer has changed is left to the reward, which asks for every verdict.
        """
        found = [self._asked.get(self._unpadded(prompt)) for prompt in prompts.tolist()]
        texts = self._tokenizer.batch_decode(answers, skip_special_tokens=True)
        known = [(problem, text) for problem, text in zip(found, texts, strict=True) if problem is not None]
        drafts = candidates_of(
            [problem for problem, _ in known], [text for _, text in known], explained=self._explained
        )
        self._judge.begin([draft for draft in drafts if draft is not None])

    def _unpadded(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Without padding on the left, and without what is like it: some tokenizers pad with the token of the start."""
        return tuple(itertools.dropwhile(lambda token: token == self._tokenizer.pad_token_id, ids))
