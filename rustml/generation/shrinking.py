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
    ids, mask = (each.repeat_interleave(copies, dim=0) for each in (input_ids, attention_mask))
    prompt, limit, pad = ids.shape[1], ids.shape[1] + config.max_new_tokens, config.pad_token_id
    ends = torch.tensor([pad, *_listed(config.eos_token_id or model.generation_config.eos_token_id)], device=ids.device)
    output = torch.full((len(ids), limit), pad, dtype=ids.dtype, device=ids.device)
    output[:, :prompt] = ids
    live, cache, width = torch.arange(len(ids), device=ids.device), None, prompt
    while len(live) and width < limit:
        config.max_new_tokens = min(every, limit - width)
        options = {"tokenizer": tokenizer} if config.stop_strings else {}
        drawn = type(model).generate(
            model,
            input_ids=ids,
            attention_mask=mask,
            past_key_values=cache,
            generation_config=config,
            return_dict_in_generate=True,
            **options,
        )
        new = drawn.sequences[:, width:]
        output[live, width : width + new.shape[1]] = new
        going = (~torch.isin(new, ends).any(dim=1)).nonzero().flatten()
        cache = drawn.past_key_values
        cache.batch_select_indices(going)
        live, ids, width = live[going], drawn.sequences[going], width + new.shape[1]
        mask = torch.cat([mask[going], mask.new_ones(len(going), new.shape[1])], dim=1)
    return output[:, :width]


def _listed(ends: int | list[int] | None) -> list[int]:
    return [ends] if isinstance(ends, int) else list(ends or [])
