"""A prompt computed once for all answers to it, with its gradient: the sum of what the answers send back.

Keys and values are computed for all tokens of a prompt but the last. That one stands in front of each answer, whose
first token it predicts.
"""

from typing import Any

import torch
from transformers.cache_utils import CacheLayerMixin, DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

from rustml.generation import decoding


def shareable(config: Any, columns: int) -> bool:
    """Whether every layer of such a model attends to all tokens before in rows of so many columns, and keeps nothing
    but keys and values: a layer with a window does so where the row fits into it."""
    return all(_attends_to_all(layer, columns) for layer in DynamicCache(config=config).layers)


def _attends_to_all(layer: CacheLayerMixin, columns: int) -> bool:
    if type(layer) is DynamicSlidingWindowLayer:
        return bool(columns <= layer.sliding_window)
    return type(layer) is DynamicLayer


class SharedPrompts:
    """Keys and values of the prompts of some rows, of each different prompt once."""

    def __init__(self, model: Any, ids: torch.Tensor, mask: torch.Tensor) -> None:
        """`ids` and `mask` are the prompts, padded on the left, `[rows, tokens]`, of at least two columns."""
        self._model, self._ids, self._mask = model, ids, mask
        pairs = torch.stack([ids, mask], dim=1)[..., :-1]
        prompts, self._prompt_of = torch.unique(pairs, dim=0, return_inverse=True)
        cache = DynamicCache(config=model.config)
        model(
            input_ids=prompts[:, 0],
            attention_mask=prompts[:, 1],
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=decoding.last_token(prompts[:, 0]),
        )
        self._states = [(layer.keys, layer.values) for layer in cache.layers]

    def scored(self, rows: torch.Tensor, ids: torch.Tensor, mask: torch.Tensor) -> Any:
        """What TRL's fused head says of the answers `ids` to the prompts of `rows`, `[rows, tokens]` per field."""
        prompt_of = self._prompt_of[rows]
        cache = DynamicCache(config=self._model.config)
        for number, (keys, values) in enumerate(self._states):
            cache.update(keys[prompt_of], values[prompt_of], number)
        read = torch.cat([self._ids[rows, -1:], ids], dim=1)
        labels = read.masked_fill(torch.cat([torch.zeros_like(mask[:, :1]), mask], dim=1) == 0, -100)
        whole = torch.cat([self._mask[rows], mask], dim=1)
        return self._model(
            input_ids=read, attention_mask=whole, past_key_values=cache, labels=labels, fused_lm_head=True
        )
