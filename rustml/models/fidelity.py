"""How far a quantised checkpoint is from its parent: weights layer by layer, and next tokens on held-out text."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from rustml.models import checkpoint, tensor_files

ATTENTION = "sdpa"
TOKENS = 128
"""Of each text, the first ones."""


def layer_errors(parent: Path, model: Any) -> dict[str, float]:
    """Relative error of each weight matrix of a loaded `model`: norm of the difference by norm of the parent's.

    Layers whose weights stay packed in a form that cannot be expanded are left out.
    """
    own = dict(model.named_parameters())
    errors: dict[str, float] = {}
    for path in tensor_files.shards(parent):
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  no mapping
                values = _expanded(own.get(name))
                if values is not None and values.ndim == 2:
                    weight = stored.get_tensor(name).float()
                    errors[name] = float((values.float() - weight).norm() / weight.norm().clamp(min=1e-12))
    return errors


def agreement(parent: Path, quantised: Any, texts: Sequence[str]) -> dict[str, float]:
    """Next tokens of the loaded model `quantised` beside those of the checkpoint in `parent`.

    Returns `kl`, the Kullback-Leibler divergence from the parent's distribution in nats, mean over positions; `top1`,
    the share of positions with the same likeliest token; and `positions`.
    """
    tokenizer = checkpoint.load_tokenizer(parent)
    rows = [ids for ids in (tokenizer.encode(text)[:TOKENS] for text in texts) if len(ids) > 1]
    measured = [_log_probabilities(quantised, ids) for ids in rows]
    whole = checkpoint.load_model(parent, dtype="bfloat16", attention=ATTENTION, device="cpu")
    divergence, same, positions = 0.0, 0, 0
    for ids, own in zip(rows, measured, strict=True):
        wanted = _log_probabilities(whole, ids).float()
        divergence += float((wanted.exp() * (wanted - own.float())).sum())
        same += int((wanted.argmax(dim=-1) == own.argmax(dim=-1)).sum())
        positions += len(ids)
    return {"kl": divergence / positions, "top1": same / positions, "positions": float(positions)} if rows else {}


def _log_probabilities(model: Any, ids: list[int]) -> torch.Tensor:
    with torch.inference_mode():
        return torch.log_softmax(model(torch.tensor([ids])).logits[0].float(), dim=-1)


def _expanded(weight: Any) -> torch.Tensor | None:
    if weight is None or type(weight.data) is torch.Tensor:
        return None if weight is None else weight.data
    expand = getattr(weight, "dequantize", None)
    return expand() if expand else None
