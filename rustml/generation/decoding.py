"""Generation in a batch that shrinks: answers that have ended leave it, where plain `generate` computes them on.

In a batch of answers half of the tokens are computed after an answer's end, for the sake of the longest one, and a
prompt that is answered several times is read as often. Here a prompt is read once, keys and values are written into
buffers with room for some tokens, and whenever that is used up, the answers that have ended are dropped. Greedy answers
are those of plain `generate` as far as the batch size does not move the last bits; drawn ones come from the same
distribution by other random numbers.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

EVERY = 16
"""New tokens for which the cache has room: after them it is copied, without the answers that have ended."""
NEUTRAL = {"num_beams": 1, "repetition_penalty": 1.0, "no_repeat_ngram_size": 0, "min_p": None, "typical_p": 1.0}
"""Settings of `GenerationConfig` that are not followed here, and the values under which they do nothing."""


def generate(
    model: Any,
    *,
    input_ids: "torch.Tensor",
    attention_mask: "torch.Tensor",
    generation_config: Any,
    tokenizer: Any = None,
    every: int = EVERY,
    ended: "Callable[[torch.Tensor, torch.Tensor], object] | None" = None,
) -> "torch.Tensor":
    """Prompts and their continuations, `[batch * num_return_sequences, width]` token ids, padded behind their end.

    Inputs are padded on the left. `generation_config` holds `max_new_tokens` and `pad_token_id`, and `eos_token_id`
    where it is not the model's own; `tokenizer` is needed where it has stop strings. `ended` is told of
    answers that leave the batch while others go on: token ids of their prompts, `[rows, prompt]`, and of the answers,
    `[rows, tokens]`, padded as in the result. Raises ValueError for a setting that is not followed.
    """
    import torch  # noqa: PLC0415  seconds to load

    _refuse(generation_config)
    stops = tuple(generation_config.stop_strings or ())
    with torch.no_grad():
        batch = _Batch(model, input_ids, attention_mask, generation_config, every)
        for step in range(1, generation_config.max_new_tokens + 1):
            batch.draw()
            if step % every == 0:
                batch.end_at(stops, tokenizer)
                gone = batch.drop_ended()
                if ended is not None and len(gone):
                    ended(input_ids[gone], batch.output[gone, input_ids.shape[1] : batch.width])
            if step == generation_config.max_new_tokens or batch.ended():
                break
            batch.advance()
    return batch.output[:, : batch.width]


def _refuse(config: Any) -> None:
    for name, value in NEUTRAL.items():
        if getattr(config, name, None) not in (None, value):
            raise ValueError(f"generation here does not follow {name}={getattr(config, name)!r}")


class _Batch:
    """Answers under way: `live` are the rows of `output` that have not ended."""

    def __init__(self, model: Any, ids: "torch.Tensor", mask: "torch.Tensor", config: Any, every: int) -> None:
        import torch  # noqa: PLC0415

        from rustml.generation.roomy_cache import roomy_cache  # noqa: PLC0415

        self._model, self._config = model, config
        prompts, rows = torch.unique_consecutive(torch.stack([ids, mask], dim=1), dim=0, return_inverse=True)
        rows = rows.repeat_interleave(config.num_return_sequences or 1)
        self.width, self._start = ids.shape[1], ids.shape[1]
        limit = self.width + config.max_new_tokens
        self._cache = roomy_cache(model.config, every)
        self._logits = self._forward(prompts[:, 0], prompts[:, 1], prompts[:, 1].cumsum(1).sub(1).clamp(min=0))[rows]
        self._cache.batch_select_indices(rows)
        self._mask = torch.cat([prompts[rows, 1], mask.new_ones(len(rows), config.max_new_tokens)], dim=1)
        self._positions = self._mask[:, : self.width].sum(1, keepdim=True)
        self.output = torch.full((len(rows), limit), config.pad_token_id, dtype=ids.dtype, device=ids.device)
        self.output[:, : self.width] = prompts[rows, 0]
        self.live = torch.arange(len(rows), device=ids.device)
        ends = _listed(config.eos_token_id or model.generation_config.eos_token_id)
        self._ends = torch.tensor([*ends, config.pad_token_id], device=ids.device)
        self._ended = torch.zeros(len(rows), dtype=torch.bool, device=ids.device)

    def draw(self) -> None:
        """The next token of each live answer; padding for one that has ended since it was last looked at."""
        import torch  # noqa: PLC0415

        tokens = drawn(self._logits, self._config).masked_fill_(self._ended, self._config.pad_token_id)
        self.output[self.live, self.width] = tokens
        self._ended |= torch.isin(tokens, self._ends)
        self.width += 1

    def advance(self) -> None:
        """Compute what may follow the tokens drawn last."""
        tokens = self.output[self.live, self.width - 1 : self.width]
        self._logits = self._forward(tokens, self._mask[:, : self.width], self._positions)
        self._positions += 1

    def end_at(self, stops: Sequence[str], tokenizer: Any) -> None:
        """Count the answers that hold a stop string as ended."""
        import torch  # noqa: PLC0415

        if stops:
            texts = tokenizer.batch_decode(self.output[self.live, self._start : self.width])
            matches = [any(stop in text for stop in stops) for text in texts]
            self._ended |= torch.tensor(matches, device=self._ended.device)

    def ended(self) -> bool:
        """Whether every answer has ended."""
        return bool(self._ended.all())

    def drop_ended(self) -> "torch.Tensor":
        """Go on with the answers that have not ended; returns the rows of the others."""
        gone, going = self.live[self._ended], (~self._ended).nonzero().flatten()
        self._cache.batch_select_indices(going)
        self.live, self._mask, self._positions = self.live[going], self._mask[going], self._positions[going]
        self._ended = self._ended[going]
        return gone

    def _forward(self, ids: "torch.Tensor", mask: "torch.Tensor", positions: "torch.Tensor") -> "torch.Tensor":
        """Logits of the next token, `[rows, vocabulary]`."""
        step = self._model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=last_token(ids),
        )
        logits: torch.Tensor = step.logits[:, -1]
        return logits


def last_token(ids: "torch.Tensor") -> "torch.Tensor":
    """`logits_to_keep` of a forward pass over `ids`, `[rows, tokens]`, of which only the last logits are read.

    As a number it has the model cut a strided view of its states. PyTorch's matrix product of that with the output
    matrix copies the matrix once per row: for Gemma 3 270M in bfloat16 0.3 GB per row.
    """
    import torch  # noqa: PLC0415

    return torch.tensor([ids.shape[1] - 1], device=ids.device)


def drawn(logits: "torch.Tensor", config: Any) -> "torch.Tensor":
    """One token per row of logits, `[rows, vocabulary]`: the likeliest, or drawn by temperature, top_k and top_p.

    Drawn by the inverse of the distribution function, which takes one random number per row where `multinomial` takes
    one per entry of the vocabulary.
    """
    import torch  # noqa: PLC0415

    if not config.do_sample:
        return logits.argmax(-1)
    scores = logits.float()
    if config.temperature not in (None, 1.0):
        scores = scores / config.temperature
    if config.top_k:
        scores = scores.masked_fill(
            scores < scores.topk(min(config.top_k, scores.shape[-1])).values[:, -1:], -torch.inf
        )
    if config.top_p is not None and config.top_p < 1.0:
        scores = scores.masked_fill(outside_nucleus(scores, config.top_p), -torch.inf)
    sums = scores.softmax(-1).cumsum(-1)
    # Below the sum of all, which rounding leaves near 1; a token of probability 0 adds nothing, and is never drawn.
    points = torch.rand(len(sums), 1, device=sums.device) * sums[:, -1:]
    return torch.searchsorted(sums, points, right=True).squeeze(-1).clamp_(max=sums.shape[-1] - 1)


def outside_nucleus(scores: "torch.Tensor", top_p: float) -> "torch.Tensor":
    """True for the tokens outside of the likeliest ones that together reach the probability `top_p`."""
    import torch  # noqa: PLC0415

    order = scores.argsort(-1, descending=True)
    sums = scores.gather(-1, order).softmax(-1).cumsum(-1)
    before = torch.cat([torch.zeros_like(sums[:, :1]), sums[:, :-1]], dim=-1)
    return torch.zeros_like(scores, dtype=torch.bool).scatter(-1, order, before >= top_p)


def _listed(ends: int | list[int] | None) -> list[int]:
    return [ends] if isinstance(ends, int) else list(ends or [])
