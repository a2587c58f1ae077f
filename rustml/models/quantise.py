"""Quantise a checkpoint for serving, by torchao or as compressed-tensors does: data-free, `lm_head` left in bf16."""

import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
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
from rustml.models import checkpoint, fidelity, fp8_stream
from rustml.models.merge import merge
from rustml.profile.quantize import QuantizeSection

ATTENTION = "sdpa"
FP8_CAPABILITY = (8, 9)
"""Compute capability from which a GPU multiplies e4m3 numbers."""


LARGEST_ERROR = 0.1
"""Relative error of a layer from which FP8 went wrong: rounding to e4m3 alone is off by less than 0.04."""


def quantize(parent: Path, section: QuantizeSection, out: Path, texts: Sequence[str] = ()) -> dict[str, float]:
    """Quantise the checkpoint `parent` into `out` and measure what that changed.

    Returns sizes in bytes, before and after, and their ratio; the largest and mean relative error of a layer
    (`error.max`, `error.mean`) and each layer's (`error.layer.NAME`); on `texts`, held-out ones, the divergence `kl`
    and the share `top1` of equal next tokens (rustml.models.fidelity). An adapter is merged into its base first, and
    what that changed is returned too. Raises RustmlError that names the weight where numbers are not finite or an FP8
    layer is too far off, and where the logits of the result are not finite; then `out` is removed. Raises
    EnvironmentFault where this machine cannot run the scheme.
    """
    streamed = section.producer == "compressed_tensors"
    scheme = None if streamed else TorchAoConfig(_config(section))
    if checkpoint.kind(parent) == "adapter":
        with tempfile.TemporaryDirectory(dir=out.parent) as merged:
            change = merge(parent, Path(merged) / "model")
            sizes = quantize(Path(merged) / "model", section, out, texts)
        return {**sizes, **{f"merge.{name}": value for name, value in change.items()}}
    if streamed:
        fp8_stream.write(parent, out)
    else:
        _by_torchao(parent, section, scheme, out)
    try:
        facts = _measure(parent, out, section, texts)
    except RustmlError:
        shutil.rmtree(out)
        raise
    sizes = {"bytes_before": _size(parent), "bytes_after": _size(out)}
    return {**sizes, "ratio": sizes["bytes_after"] / sizes["bytes_before"], **facts}


def _by_torchao(parent: Path, section: QuantizeSection, scheme: Any, out: Path) -> None:
    _require_finite_weights(parent)
    model = checkpoint.load_model(parent, dtype="bfloat16", attention=ATTENTION, device="cpu", quantization=scheme)
    checkpoint.save(model, checkpoint.load_tokenizer(parent), out, kind="quantised", scheme=f"torchao:{section.scheme}")


def _measure(parent: Path, out: Path, section: QuantizeSection, texts: Sequence[str]) -> dict[str, float]:
    model = checkpoint.load_model(out, dtype="bfloat16", attention=ATTENTION, device="cpu")
    _require_finite_logits(model, out)  # and this expands what compressed-tensors packed
    errors = fidelity.layer_errors(parent, model)
    if section.scheme.startswith("fp8"):
        _require_close(errors, out)
    facts = {f"error.layer.{name}": value for name, value in errors.items() if value}
    if facts:
        facts |= {"error.max": max(facts.values()), "error.mean": sum(facts.values()) / len(facts)}
    return facts | fidelity.agreement(parent, model, texts)


def _require_close(errors: Mapping[str, float], out: Path) -> None:
    for name, error in errors.items():
        if not math.isfinite(error) or error > LARGEST_ERROR:
            raise RustmlError(
                f"quantising {name} went wrong: its relative error is {error:.3g}, and that of e4m3 with a scale per "
                f"row is below {LARGEST_ERROR}; {out.name} is not registered"
            )


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


def _require_finite_logits(model: Any, folder: Path) -> None:
    with torch.inference_mode():
        logits = model(torch.arange(16)[None]).logits
    if not bool(torch.isfinite(logits).all()):
        raise RustmlError(
            f"the quantised checkpoint in {folder} gives logits that are not finite; it is not registered"
        )


def _size(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.glob("*.safetensors")))
