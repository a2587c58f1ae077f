"""The base model of profiles without pretrained weights: a small Qwen3 trained from scratch."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rustml.models.compute import Compute
from rustml.profile.base import ArchitectureSection, ScratchBase
from rustml.training import batching, optim, schedules
from rustml.training.batching import IGNORED, Row

Batch = tuple[torch.Tensor, torch.Tensor]
"""`input_ids` and `labels`, of shape (rows, tokens)."""


def new_model(
    shape: ArchitectureSection, tokenizer: PreTrainedTokenizerFast, seed: int, compute: Compute
) -> Qwen3ForCausalLM:
    """A freshly initialised model in the dtype of `compute`, its initial weights a function of the seed."""
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        intermediate_size=shape.feed_forward,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        head_dim=shape.head_dim,
        max_position_embeddings=shape.context,
        rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
        tie_word_embeddings=True,
        initializer_range=1 / math.sqrt(shape.hidden),
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        attn_implementation=compute.attention,
        dtype=compute.dtype,
    )
    model = Qwen3ForCausalLM(config)
    for layer in model.model.layers:
        # Blocks start by adding nothing. Otherwise their first, random outputs drown the embeddings, and the heads that
        # copy names and numbers from the prompt form much later.
        nn.init.zeros_(layer.self_attn.o_proj.weight)
        nn.init.zeros_(layer.mlp.down_proj.weight)
    for parameter in model.parameters():
        # Not `model.to`, which would round the rotary frequencies as well; a loaded checkpoint has them in fp32.
        parameter.data = parameter.data.to(getattr(torch, compute.dtype))
    return model


def collate(rows: Sequence[Row], pad: int) -> Batch:
    """One batch, padded on the right, where causal attention lets no real token see it: no mask is needed."""
    width = max(len(ids) for ids, _ in rows)
    ids = torch.tensor([row + [pad] * (width - len(row)) for row, _ in rows])
    labels = torch.tensor([row + [IGNORED] * (width - len(row)) for _, row in rows])
    return ids, labels


def train(
    model: Qwen3ForCausalLM,
    rows: Sequence[Row],
    section: ScratchBase,
    seed: int,
    log: Callable[[int, dict[str, float]], None],
) -> None:
    """Train in place; `log(step, metrics)` is called after each step."""
    steps = length(rows, section, seed)
    optimizer = optim.build(model, section.optimizer)
    schedule = schedules.schedule(optimizer, section.schedule, steps)
    pad = int(model.config.pad_token_id)
    model.train()
    for step, batch in enumerate(batching.token_batches(rows, section.tokens_per_step, seed), start=1):
        loss = _loss(model, *collate(batch, pad))
        torch.autograd.backward(loss)
        norm = clip_grad_norm_(model.parameters(), section.clip_norm)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        log(step, {"loss": loss.item(), "grad_norm": float(norm), "learning_rate": float(schedule.get_last_lr()[0])})
        if step == steps:
            break
    model.eval()


def length(rows: Sequence[Row], section: ScratchBase, seed: int) -> int:
    """Steps of the training."""
    return schedules.total_steps(
        section.steps, section.epochs, batching.token_batches_per_epoch(rows, section.tokens_per_step, seed)
    )


def _loss(model: Qwen3ForCausalLM, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean next-token cross-entropy, nats, over the labelled positions alone: the head runs on nothing else."""
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
    targets = labels[:, 1:]
    labelled = targets != IGNORED
    logits = model.lm_head(hidden[labelled])
    return functional.cross_entropy(logits.float(), targets[labelled])
