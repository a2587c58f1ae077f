"""How fast a training is: tokens per second, the share of the device's peak that they are, and its memory."""

import resource
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from transformers import TrainerState

from rustml.models.compute import Compute
from rustml.training import processes
from rustml.training.batching import Row
from rustml.training.job import Log
from rustml.training.trl_callback import Reporter

SIZE, ROUNDS = 1024, 3
"""Of the matrix products by which the peak of a processor is measured."""


def flops_per_token(shape: Any, trained_weights: int, context: int) -> float:
    """Operations that training needs per token of sequences of `context` tokens, without recomputation.

    Two per weight of a linear layer forward and four backward (Kaplan et al., 2020, section 2.1), and for attention
    over the whole context 12 * context * width per layer, as in PaLM (Chowdhery et al., 2022, appendix B). Where only
    adapters train, no gradient of the other weights is computed, which saves a third.
    """
    linear = sum(layer.weight.numel() for layer in shape.modules() if isinstance(layer, nn.Linear))
    config = shape.config.get_text_config()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    attention = 12 * config.num_hidden_layers * config.num_attention_heads * head * context
    adapted = trained_weights < sum(weight.numel() for weight in shape.parameters()) / 2
    return float((6 * linear + attention) * (2 / 3 if adapted else 1))


def peak_flops(compute: Compute) -> float:
    """Operations per second of one device: its maker's figure for a GPU that TRL knows, else measured.

    The measurement is a large matrix product in the dtype of the training; it draws no random numbers.
    """
    if compute.device == "cuda":
        from trl.trainer.utils import get_peak_flops  # noqa: PLC0415  seconds to load

        known = get_peak_flops(torch.cuda.get_device_name(), compute.dtype)
        if known:
            return float(known)
    return measured_flops(compute)


def measured_flops(compute: Compute, size: int = SIZE) -> float:
    """Operations per second of the fastest of a few matrix products."""
    matrix = torch.ones(size, size, dtype=getattr(torch, compute.dtype), device=compute.device)
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        matrix @ matrix
        if compute.device == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - started)
    return 2 * size**3 / min(seconds[1:])


def memory_peak_gb(compute: Compute) -> float:
    """The most memory in use so far, GB: of the GPU, else of this process."""
    if compute.device == "cuda":
        return torch.cuda.max_memory_allocated() / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def padding_share(rows: Sequence[Row], size: int) -> float:
    """Share of the positions that hold padding, where rows are padded to the longest of `size` at a time."""
    lengths = [len(ids) for ids, _ in rows]
    groups = [lengths[start : start + size] for start in range(0, len(lengths), size)]
    positions = sum(max(group) * len(group) for group in groups)
    return 1 - sum(lengths) / positions if positions else 0.0


class SpeedReporter(Reporter):
    """Adds `tokens_per_second`, `utilisation` and `memory_peak_gb` to what TRL's trainer logs.

    Tokens are those of all processes, without padding. Only steps count: neither validation nor saves.
    """

    def __init__(self, flops: float, compute: Compute, log: Log) -> None:
        super().__init__(log)
        self._flops, self._compute = flops, compute
        self._peak = peak_flops(compute) * processes.world()
        self._seconds, self._started, self._tokens = 0.0, 0.0, 0.0

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._started = time.perf_counter()

    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Stop it: the weights are updated."""
        self._seconds += time.perf_counter() - self._started

    def at_log(self, state: TrainerState, metrics: Mapping[str, Any]) -> None:
        """Log the values, and the speed of the steps since the last time."""
        super().at_log(state, {**metrics, **self._speed(metrics)})

    def _speed(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        if "num_tokens" not in metrics or self._seconds == 0:
            return {}
        rate = (metrics["num_tokens"] - self._tokens) / self._seconds
        self._seconds, self._tokens = 0.0, metrics["num_tokens"]
        memory = memory_peak_gb(self._compute)
        return {"tokens_per_second": rate, "utilisation": rate * self._flops / self._peak, "memory_peak_gb": memory}
