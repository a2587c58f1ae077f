"""Greedy answers of the model that trains, between two of its steps."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import GenerationConfig

from rustml import chat
from rustml.generation import decoding
from rustml.training import sharding

BATCH = 64
"""Prompts answered at once."""


def answers(model: Any, tokenizer: Any, instructions: Sequence[str], max_new_tokens: int) -> list[str]:
    """What a model in evaluation mode answers to each instruction; `tokenizer` pads on the left."""
    config = GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=chat.end_ids(tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )
    texts: list[str] = []
    with sharding.unsharded(model), torch.no_grad():
        for start in range(0, len(instructions), BATCH):
            prompts = [chat.prompt(tokenizer, instruction) for instruction in instructions[start : start + BATCH]]
            inputs = tokenizer(prompts, add_special_tokens=False, padding=True, return_tensors="pt").to(model.device)
            output = decoding.generate(
                model, input_ids=inputs.input_ids, attention_mask=inputs.attention_mask, generation_config=config
            )
            new = output[:, inputs.input_ids.shape[1] :]
            texts += tokenizer.batch_decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return texts
