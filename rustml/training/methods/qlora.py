"""QLoRA: low-rank adapters on weights frozen in 4 bits (Dettmers et al., 2023), through peft and bitsandbytes."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from rustml.errors import EnvironmentFault
from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.profile.method import QloraSection
from rustml.training.methods.base import weight_count
from rustml.training.methods.lora import Lora

BLOCK, CONSTANT_BLOCK = 64, 256
"""Weights per scale of NF4, and scales per scale of the second quantisation."""


class Qlora(Lora):
    """Adapters in bf16 on NF4 weights; computing and storage in bf16, which is what lets FSDP2 shard the weights."""

    def __init__(self, section: QloraSection) -> None:
        super().__init__(section)
        self._double = section.double_quantisation

    def held_bytes(self, shape: Any, compute: Compute) -> float:  # noqa: ARG002  the interface
        """About half a byte per weight of the linear layers; embeddings, norms and head stay in bf16."""
        head = shape.get_output_embeddings()
        linear = [layer for layer in shape.modules() if isinstance(layer, nn.Linear) and layer is not head]
        quantised = sum(layer.weight.numel() for layer in linear)
        scales = 1 / BLOCK + 4 / (BLOCK * CONSTANT_BLOCK) if self._double else 4 / BLOCK
        return quantised * (0.5 + scales) + (weight_count(shape) - quantised) * torch.bfloat16.itemsize

    def trained_dtype(self, compute: Compute) -> torch.dtype:  # noqa: ARG002  the interface
        """bf16, as in the paper; the optimizer holds fp32 masters of them."""
        return torch.bfloat16

    def load(self, parent: Path, compute: Compute) -> Any:
        """The quantised model with new adapters in bf16. Raises EnvironmentFault where bitsandbytes is missing."""
        try:
            import bitsandbytes  # noqa: F401, PLC0415  an optional dependency
            from transformers import BitsAndBytesConfig  # noqa: PLC0415
        except ImportError as error:
            raise EnvironmentFault(
                f"method qlora needs bitsandbytes, which cannot be imported ({error}): pip install bitsandbytes==0.50.2"
            ) from error
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=self._double,
            bnb_4bit_compute_dtype=torch.bfloat16,
            bnb_4bit_quant_storage=torch.bfloat16,
        )
        model = self.adapted(
            checkpoint.load_model(
                parent,
                dtype="bfloat16",
                attention=compute.attention,
                device=compute.device,
                quantization=quantization,
            )
        )
        for weight in model.parameters():
            if weight.requires_grad:
                weight.data = weight.data.to(torch.bfloat16)
        _keep_differentiable(model)
        return model


def _keep_differentiable(model: Any) -> None:
    """Keep the weights in the format that has gradients.

    On a CPU with AVX512_BF16, bitsandbytes repacks a layer for inference at its first call in evaluation mode, and
    never back: after a validation no gradient would pass through it.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
