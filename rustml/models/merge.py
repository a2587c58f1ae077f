"""An adapter merged into its base, for what takes whole checkpoints alone; checked before anything uses it."""

import math
from pathlib import Path
from typing import Any

import torch

from rustml.errors import RustmlError
from rustml.models import checkpoint
from rustml.models.loading import load_adapted, root_of

ATTENTION = "sdpa"
PROBE = 32
"""Tokens whose logits are compared."""
TOLERANCE = 1e-3
"""Largest difference of a logit before and after merging in fp32, as a share of the largest logit."""


def merge(adapter: Path, folder: Path) -> dict[str, float]:
    """Merge the adapter in `adapter` into its base in fp32 and write a full checkpoint in the base's dtype to `folder`.

    The weights that are written have the names, shapes and dtypes of the base's. Returns `difference`, the largest
    change of a logit on probe tokens, and `divergence`, the Kullback-Leibler divergence of the next-token
    distributions in nats, mean over positions, both from base and adapter in fp32 to what was written. Raises
    InputError for a checkpoint of another kind and for a base that is missing or another one, RustmlError where
    merging changes the logits or the weights' form.
    """
    adapted = load_adapted(adapter, dtype="float32", attention=ATTENTION, device="cpu")
    before = _logits(adapted)
    merged = adapted.merge_and_unload()
    _require_equal(before, _logits(merged), adapter)
    stored = checkpoint.load_model(root_of(adapter), dtype="auto", attention=ATTENTION, device="cpu")
    form = _form(stored)
    merged = merged.to(stored.dtype)
    del stored, adapted
    checkpoint.save(merged, checkpoint.load_tokenizer(adapter), folder)
    del merged
    written = checkpoint.load_model(folder, dtype="auto", attention=ATTENTION, device="cpu")
    if _form(written) != form:
        raise RustmlError(f"merging {adapter} changed names, shapes or dtypes of weights: {_change(form, written)}")
    after = _logits(written)
    return {"difference": float((after - before).abs().max()), "divergence": _divergence(before, after)}


def _logits(model: Any) -> torch.Tensor:
    """Of tokens spread over the vocabulary, `[positions, vocabulary]` in fp32."""
    size = model.get_input_embeddings().weight.shape[0]
    ids = (torch.arange(PROBE) * max(1, size // PROBE)).remainder(size)
    with torch.inference_mode():
        logits: torch.Tensor = model.eval()(ids[None]).logits[0].float()
    return logits


def _require_equal(before: torch.Tensor, after: torch.Tensor, adapter: Path) -> None:
    difference, largest = float((after - before).abs().max()), float(before.abs().max())
    if not math.isfinite(difference) or difference > TOLERANCE * max(1.0, largest):
        raise RustmlError(
            f"merging {adapter} into its base changes a logit by {difference:.3g} (the largest is {largest:.3g}); "
            "it is not used"
        )


def _divergence(before: torch.Tensor, after: torch.Tensor) -> float:
    reference, measured = (torch.log_softmax(logits, dim=-1) for logits in (before, after))
    return float((reference.exp() * (reference - measured)).sum(dim=-1).mean())


def _form(model: Any) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {name: (tuple(weight.shape), weight.dtype) for name, weight in model.state_dict().items()}


def _change(form: dict[str, tuple[tuple[int, ...], torch.dtype]], model: Any) -> str:
    """The first weight whose form is another one."""
    now = _form(model)
    name = next(name for name in sorted({*form, *now}) if form.get(name) != now.get(name))
    return f"{name} was {form.get(name, 'missing')} and is {now.get(name, 'missing')}"
