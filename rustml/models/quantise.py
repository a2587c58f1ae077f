"""Quantise a checkpoint for serving, by torchao: data-free, `lm_head` left in bf16."""

import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torchao.quantization import (
    Float8DynamicActivationFloat8WeightConfig,
    Float8WeightOnlyConfig,
    IntxWeightOnlyConfig,
    PerAxis,
    PerRow,
)
from transformers import TorchAoConfig

from rustml.errors import EnvironmentFault, RustmlError
from rustml.models import checkpoint
from rustml.models.merge import merge
from rustml.profile.quantize import QuantizeSection

ATTENTION = "sdpa"
FP8_CAPABILITY = (8, 9)
"""Compute capability from which a GPU multiplies e4m3 numbers."""


def quantize(parent: Path, section: QuantizeSection, out: Path) -> dict[str, float]:
    """Quantise the checkpoint `parent` into `out` and return its sizes in bytes, before and after.

    An adapter is merged into its base first, and what that changed is returned too. All weights must be finite, and so
    must the logits of the result once it is loaded again. Raises RustmlError otherwise, EnvironmentFault where this
    machine cannot run the scheme.
    """
    scheme = TorchAoConfig(_config(section))
    if checkpoint.kind(parent) == "adapter":
        with tempfile.TemporaryDirectory(dir=out.parent) as merged:
            change = merge(parent, Path(merged) / "model")
            sizes = quantize(Path(merged) / "model", section, out)
        return {**sizes, **{f"merge.{name}": value for name, value in change.items()}}
    _require_finite_weights(parent)
    model = checkpoint.load_model(parent, dtype="bfloat16", attention=ATTENTION, device="cpu", quantization=scheme)
    tokenizer = checkpoint.load_tokenizer(parent)
    checkpoint.save(model, tokenizer, out, kind="quantised", scheme=f"torchao:{section.scheme}")
    _require_finite_logits(out)
    sizes = {"bytes_before": _size(parent), "bytes_after": _size(out)}
    return {**sizes, "ratio": sizes["bytes_after"] / sizes["bytes_before"]}


def _config(section: QuantizeSection) -> Any:
    if section.scheme == "fp8_weight_only":
        return Float8WeightOnlyConfig(granularity=PerRow())
    if section.scheme == "int3_weight_only":
        return IntxWeightOnlyConfig(weight_dtype=torch.int3, granularity=PerAxis(0))  # type: ignore[attr-defined]  # absent from the stubs
    if not torch.cuda.is_available() or torch.cuda.get_device_capability() < FP8_CAPABILITY:
        raise EnvironmentFault(
            "quantize.scheme: fp8_dynamic needs a GPU of compute capability 8.9 or later; use fp8_weight_only here"
        )
    return Float8DynamicActivationFloat8WeightConfig(granularity=PerRow())


def _require_finite_weights(folder: Path) -> None:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118  no mapping
                if not bool(torch.isfinite(tensors.get_tensor(name)).all()):
                    raise RustmlError(f"{path}: {name} holds numbers that are not finite; the training went wrong")


def _require_finite_logits(folder: Path) -> None:
    model = checkpoint.load_model(folder, dtype="bfloat16", attention=ATTENTION, device="cpu")
    with torch.inference_mode():
        logits = model(torch.arange(16)[None]).logits
    if not bool(torch.isfinite(logits).all()):
        raise RustmlError(
            f"the quantised checkpoint in {folder} gives logits that are not finite; it is not registered"
        )


def _size(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.glob("*.safetensors")))
