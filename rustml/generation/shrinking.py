"""Generation in a batch that shrinks: sequences that have ended leave it, where plain `generate` computes them on.

In a batch of answers half of the tokens are computed after an answer's end, for the sake of the longest one. Here the
model's own `generate` goes on by some tokens at a time, and the cache keeps only the sequences that have not ended.
Greedy answers are those of plain `generate` as far as the batch size does not move the last bits; drawn ones come from
the same distribution by other random numbers.
"""

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

EVERY = 16
"""New tokens between two looks at which sequences have ended: seldom enough that starting again costs little."""


def generate(
    model: Any,
    *,
    input_ids: "torch.Tensor",
    attention_mask: "torch.Tensor",
    generation_config: Any,
    tokenizer: Any = None,
    every: int = EVERY,
) -> "torch.Tensor":
    """Prompts and their continuations, `[batch * num_return_sequences, width]` token ids, padded behind their end.

    Inputs are padded on the left. `generation_config` holds `max_new_tokens` and `pad_token_id`, and `eos_token_id`
    where it is not the model's own; `tokenizer` is needed where it has stop strings.
    """
    import torch  # noqa: PLC0415  seconds to load

    config = copy.deepcopy(generation_config)
    copies, config.num_return_sequences = config.num_return_sequences or 1, 1
    config.return_dict_in_generate = True
    ids, mask = (each.repeat_interleave(copies, dim=0) for each in (input_ids, attention_mask))
    pad, limit = config.pad_token_id, ids.shape[1] + config.max_new_tokens
    ends = torch.tensor([pad, *_listed(config.eos_token_id or model.generation_config.eos_token_id)], device=ids.device)
    options = {"tokenizer": tokenizer} if config.stop_strings else {}
    output = torch.full((len(ids), limit), pad, dtype=ids.dtype, device=ids.device)
    output[:, : ids.shape[1]] = ids
    live, cache, width = torch.arange(len(ids), device=ids.device), None, ids.shape[1]
    while len(live) and ids.shape[1] < limit:
        width, config.max_new_tokens = ids.shape[1], min(every, limit - ids.shape[1])
        ids, cache = _continued(model, ids, mask, cache, config, options)
        output[live, width : ids.shape[1]] = ids[:, width:]
        going = (~torch.isin(ids[:, width:], ends).any(dim=1)).nonzero().flatten()
        cache.batch_select_indices(going)
        mask = torch.cat([mask, mask.new_ones(len(ids), ids.shape[1] - width)], dim=1)[going]
        live, ids, width = live[going], ids[going], ids.shape[1]
    return output[:, :width]


def _continued(model: Any, ids: Any, mask: Any, cache: Any, config: Any, options: dict[str, Any]) -> tuple[Any, Any]:
    """The sequences with some more tokens, and the cache of what was computed. The method of the class is called: the
    instance's may be this very module's."""
    drawn = type(model).generate(
        model,
        input_ids=ids,
        attention_mask=mask,
        past_key_values=cache,
        generation_config=config,
        **options,
    )
    return drawn.sequences, drawn.past_key_values


def _listed(ends: int | list[int] | None) -> list[int]:
    return [ends] if isinstance(ends, int) else list(ends or [])
