"""FP8 as compressed-tensors writes it (`FP8_DYNAMIC`): e4m3 weights with a scale per row, activations per token.

Data-free, and shard by shard: memory holds one file of the result, not the model. The format is what vLLM recommends
for W8A8: https://docs.vllm.ai/en/latest/features/quantization/fp8.html. `lm_head` and embeddings stay as they are.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rustml.errors import RustmlError
from rustml.io import whole_folder, write_bytes
from rustml.models import manifest, tensor_files
from rustml.models.digest import CONFIGURATION, TEMPLATE, TOKENIZER
from rustml.models.export import copy_named
from rustml.models.loading import load_config
from rustml.models.manifest import Manifest

SCHEME = "compressed-tensors:FP8_DYNAMIC"
IGNORED = "lm_head"
E4M3 = torch.float8_e4m3fn
LARGEST = torch.finfo(E4M3).max
SHARD_BYTES = 450_000_000
"""A tracking server takes each file in one request; see rustml.models.saving."""


def write(parent: Path, out: Path, shard_bytes: int = SHARD_BYTES) -> None:
    """Quantise the checkpoint in `parent` into `out`. An adapter has to be merged before.

    Raises InputError for a damaged file, RustmlError that names a weight with numbers that are not finite.
    """
    layers = linear_layers(parent)
    with whole_folder(out) as partial:
        files = list(_shards(parent, layers, partial, shard_bytes))
        names = [f"model-{n:05}-of-{len(files):05}.safetensors" for n in range(1, len(files) + 1)]
        names = [tensor_files.SINGLE] if len(files) == 1 else names
        for file, name in zip(files, names, strict=True):
            file.rename(partial / name)
        if len(files) > 1:
            _write_index(partial)
        copy_named(parent, partial, [name for name in CONFIGURATION if "index" not in name])
        copy_named(parent, partial, [*TOKENIZER, *TEMPLATE])
        config = json.loads((partial / manifest.CONFIG).read_bytes()) | {"quantization_config": configuration()}
        write_bytes(partial / manifest.CONFIG, json.dumps(config, indent=2).encode())
        manifest.write(partial, Manifest(kind="quantised", scheme=SCHEME))


def configuration() -> dict[str, object]:
    """The entry `quantization_config` of the model's configuration, from compressed-tensors' own preset."""
    from compressed_tensors.quantization import (  # noqa: PLC0415  a second to load
        QuantizationConfig,
        preset_name_to_scheme,
    )

    group = preset_name_to_scheme("FP8_DYNAMIC", ["Linear"])
    whole = QuantizationConfig(
        config_groups={"group_0": group},
        ignore=[IGNORED],
        format="float-quantized",
        quantization_status="compressed",
    )
    fields: dict[str, object] = json.loads(whole.model_dump_json(exclude_none=True))
    return fields


def linear_layers(folder: Path) -> set[str]:
    """Names of the linear layers of the model in `folder` but `lm_head`; no weights are loaded."""
    from transformers import AutoModelForCausalLM  # noqa: PLC0415  seconds to load

    config = load_config(folder)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    return {name for name, layer in model.named_modules() if isinstance(layer, torch.nn.Linear) and name != IGNORED}


def quantised(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """E4m3 values and the scale of each row, `[rows, 1]` in bf16, of a weight `[rows, columns]`."""
    scale = (weight.float().abs().amax(dim=1, keepdim=True) / LARGEST).to(torch.bfloat16)
    scale = torch.where(scale == 0, torch.ones_like(scale), scale)
    return (weight.float() / scale.float()).clamp(-LARGEST, LARGEST).to(E4M3), scale


def _shards(parent: Path, layers: set[str], folder: Path, limit: int) -> Iterator[Path]:
    """Write files of about `limit` bytes and yield their paths."""
    held: dict[str, torch.Tensor] = {}
    count = 0
    for name, tensor in _tensors(parent, layers):
        held[name] = tensor
        if sum(part.nbytes for part in held.values()) >= limit:
            yield _save(held, folder / f"part-{count}")
            held, count = {}, count + 1
    if held:
        yield _save(held, folder / f"part-{count}")


def _tensors(parent: Path, layers: set[str]) -> Iterator[tuple[str, torch.Tensor]]:
    tensor_files.tensors(parent)
    for path in tensor_files.shards(parent):
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118  no mapping
                weight = stored.get_tensor(name)
                if not bool(torch.isfinite(weight).all()):
                    raise RustmlError(f"{path}: {name} holds numbers that are not finite; the training went wrong")
                if name.removesuffix(".weight") in layers:
                    values, scale = quantised(weight)
                    yield name, values
                    yield f"{name}_scale", scale
                else:
                    yield name, weight


def _save(held: dict[str, torch.Tensor], path: Path) -> Path:
    save_file(held, path, metadata={"format": "pt"})
    return path


def _write_index(folder: Path) -> None:
    stored = tensor_files.tensors(folder)
    places = {tensor.name: tensor.file.name for tensor in stored}
    index = {"metadata": {"total_size": sum(t.size for t in stored)}, "weight_map": dict(sorted(places.items()))}
    write_bytes(folder / tensor_files.INDEX, json.dumps(index, indent=2).encode())
