"""What a forward pass keeps for its backward pass, counted on a model without weights (device `meta`).

The layers of a decoder are alike, so a model of one and of two of them is enough: the second tells what a layer keeps,
the rest is kept once. Attention is counted as the fused kernels keep it: query, key, value, output and one fp32 number
per head and position.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface, AutoModelForCausalLM

from rustml.models.compute import Compute
from rustml.training.methods.base import Method, dtype_of
from rustml.training.methods.lora import Lora

COUNTED = "rustml_counted"
"""Name of the attention below, as transformers knows it."""
Dtypes = tuple[torch.dtype, torch.dtype]
"""Of the model, and of the weights that train."""


@dataclass(frozen=True)
class Activations:
    """Bytes that one forward pass keeps."""

    layer: float
    """Of one layer."""
    rest: float
    """Once: embeddings and last norm."""
    hidden: float
    """One hidden state, in which gradient checkpointing keeps a layer."""


class _Fused(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, query: Any, key: Any, value: Any) -> Any:
        output = torch.empty_like(query)
        statistics = torch.empty(query.shape[:-1], dtype=torch.float32, device=query.device)
        ctx.save_for_backward(query, key, value, output, statistics)
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        raise NotImplementedError("counted, never differentiated")


def _attention(module: Any, query: Any, key: Any, value: Any, mask: Any, **_: Any) -> tuple[Any, None]:  # noqa: ARG001
    return _Fused.apply(query, key, value).transpose(1, 2).contiguous(), None  # type: ignore[no-untyped-call]


def count(shape: Any, method: Method, compute: Compute, records: int, tokens: int) -> Activations:
    """Count for a pass of `records` sequences of `tokens` tokens through the model that `shape` is a copy of."""
    AttentionInterface.register(COUNTED, _attention)
    dtype = dtype_of(compute)
    dtypes = (dtype, method.trained_dtype(compute))
    one, two = (_kept(shape.config, layers, method, dtypes, (records, tokens)) for layers in (1, 2))
    width = shape.config.get_text_config().hidden_size
    return Activations(two - one, one - (two - one), float(records * tokens * width * dtype.itemsize))


def _kept(config: Any, layers: int, method: Method, dtypes: Dtypes, size: tuple[int, int]) -> float:
    """Bytes that a model of so many layers keeps, weights apart, each storage once."""
    config = copy.deepcopy(config)
    text = config.get_text_config()
    text.num_hidden_layers = layers
    if getattr(text, "layer_types", None):
        text.layer_types = (list(text.layer_types) * layers)[:layers]  # a model of one layer is counted at two as well
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, dtype=dtypes[0], attn_implementation=COUNTED)
        model = (method.adapted(model) if isinstance(method, Lora) else model).train()
        ids = torch.zeros(size, dtype=torch.long)
    for weight in model.parameters() if isinstance(method, Lora) else ():
        if weight.requires_grad:
            weight.data = weight.data.to(dtypes[1])
    weights = {weight.untyped_storage()._cdata for weight in model.parameters()}
    kept: dict[int, tuple[float, Any]] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            kept[storage._cdata] = (float(storage.nbytes()), storage)
        return tensor

    backbone = model.get_base_model() if isinstance(method, Lora) else model
    if isinstance(method, Lora):
        backbone.enable_input_require_grads()
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = backbone.base_model(input_ids=ids, use_cache=False).last_hidden_state
    del output
    return sum(size for size, _ in kept.values())
