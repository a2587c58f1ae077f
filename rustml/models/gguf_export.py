"""A checkpoint as one GGUF file for llama.cpp and Ollama: BF16 and Q8_0 of Qwen3, Llama and Gemma 3.

Names, metadata and the two changes of weights (the order of Llama's queries and keys, the 1 that Gemma adds to its
norms) are those of llama.cpp's own converter: https://github.com/ggml-org/llama.cpp, conversion/. Weights are read one
by one, so that memory holds a single tensor; the writer keeps the others on disk.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
import numpy.typing as npt

from rustml.errors import InputError
from rustml.models import gguf_tokenizer, tensor_files
from rustml.models.loading import root_of

Format = Literal["BF16", "Q8_0"]
FORMATS: tuple[Format, ...] = ("BF16", "Q8_0")
Array = npt.NDArray[Any]
ARCHITECTURES = {
    "Qwen3ForCausalLM": gguf.MODEL_ARCH.QWEN3,
    "LlamaForCausalLM": gguf.MODEL_ARCH.LLAMA,
    "Gemma3ForCausalLM": gguf.MODEL_ARCH.GEMMA3,
}
TYPES = {"BF16": gguf.GGMLQuantizationType.BF16, "Q8_0": gguf.GGMLQuantizationType.Q8_0}
FILE_TYPES = {"BF16": gguf.LlamaFileType.MOSTLY_BF16, "Q8_0": gguf.LlamaFileType.MOSTLY_Q8_0}
GEMMA_LOCAL_BASE = 10000.0
"""Base of the rotary embeddings of sliding attention."""
DTYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


def write(folder: Path, file: Path, kind: Format, name: str) -> None:
    """Write the unquantised checkpoint in `folder` as GGUF to `file`; `name` is what the file calls the model.

    Raises InputError for another architecture, for a quantised checkpoint or one with scaled rotary embeddings, and for
    a tokenizer whose splitting llama.cpp does not know.
    """
    config = _config(folder)
    architecture = ARCHITECTURES[config["architectures"][0]]
    partial = file.with_name(f"{file.name}.partial")
    writer = gguf.GGUFWriter(partial, gguf.MODEL_ARCH_NAMES[architecture], use_temp_file=True)
    try:
        writer.add_type(gguf.GGUFType.MODEL)
        writer.add_name(name)
        writer.add_file_type(FILE_TYPES[kind])
        _add_shape(writer, config)
        gguf_tokenizer.add(writer, folder, config)
        for label, weights in _weights(folder, config, architecture):
            _add_tensor(writer, label, weights, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


def check(folder: Path) -> None:
    """Raise InputError where `write` would, for the checkpoint in `folder` or the adapter to be merged."""
    _config(root_of(folder))
    gguf_tokenizer.check(folder)


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}/config.json cannot be read: {error}") from error
    name = (config.get("architectures") or ["none"])[0]
    if name not in ARCHITECTURES:
        raise InputError(f"{folder}: no GGUF of {name}; known: {', '.join(ARCHITECTURES)}")
    if config.get("quantization_config"):
        raise InputError(f"{folder} is quantised: make the GGUF of the version that it was made from")
    scaled = [rope["rope_type"] for rope in _ropes(config) if rope.get("rope_type", "default") != "default"]
    if scaled or config.get("rope_scaling"):
        raise InputError(f"{folder}: no GGUF with scaled rotary embeddings ({', '.join(scaled) or 'rope_scaling'})")
    if name == "Gemma3ForCausalLM":
        _check_gemma(folder, config)
    return config


def _check_gemma(folder: Path, config: dict[str, Any]) -> None:
    """llama.cpp has these of Gemma 3 built in. Raises InputError where the checkpoint has others."""
    kinds = config.get("layer_types") or []
    every_sixth = ["full_attention" if n % 6 == 5 else "sliding_attention" for n in range(len(kinds))]
    local = _ropes(config)[-1].get("rope_theta", config.get("rope_local_base_freq", GEMMA_LOCAL_BASE))
    fits = kinds == every_sixth and local == GEMMA_LOCAL_BASE
    if not fits or config.get("query_pre_attn_scalar") != config.get("head_dim"):
        raise InputError(f"{folder}: its sliding window or the scale of its attention is not that of Gemma 3")


def _ropes(config: dict[str, Any]) -> list[dict[str, Any]]:
    """Rotary parameters, of full attention first; Gemma 3 has others for its sliding window."""
    stated = config.get("rope_parameters") or {}
    nested = [stated[kind] for kind in ("full_attention", "sliding_attention") if isinstance(stated.get(kind), dict)]
    return nested or [stated]


def _add_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    ropes = _ropes(config)
    head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config.get("num_key_value_heads") or config["num_attention_heads"])
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(float(ropes[0].get("rope_theta") or config.get("rope_theta") or 10000.0))
    writer.add_vocab_size(config["vocab_size"])
    if config["architectures"][0] == "LlamaForCausalLM":
        writer.add_rope_dimension_count(head)
    if config["architectures"][0] == "Gemma3ForCausalLM":
        writer.add_sliding_window(config["sliding_window"])


def _weights(folder: Path, config: dict[str, Any], architecture: gguf.MODEL_ARCH) -> Iterator[tuple[str, Array]]:
    """Names and values as llama.cpp wants them, in fp32."""
    names = gguf.get_tensor_name_map(architecture, config["num_hidden_layers"])
    stored = tensor_files.tensors(folder)
    for tensor in stored:
        if tensor.name == "lm_head.weight" and config.get("tie_word_embeddings"):
            continue
        label = names.get_name(tensor.name, try_suffixes=(".weight", ".bias"))
        if label is None:
            raise InputError(f"{tensor.file}: {tensor.name} has no name in GGUF")
        yield label, _changed(tensor.name, read(tensor), config)


def read(tensor: tensor_files.StoredTensor) -> Array:
    """The values of a tensor of fp32, fp16 or bf16, in fp32. Raises InputError for another dtype."""
    if tensor.dtype not in DTYPES:
        raise InputError(f"{tensor.file}: {tensor.name} is of dtype {tensor.dtype}; GGUF is made of whole weights")
    count = tensor.size // DTYPES[tensor.dtype].itemsize
    raw = np.fromfile(tensor.file, DTYPES[tensor.dtype], count=count, offset=tensor.start)
    values = (raw.astype(np.uint32) << 16).view(np.float32) if tensor.dtype == "BF16" else raw.astype(np.float32)
    shaped: Array = values.reshape(tensor.shape)
    return shaped


def _changed(name: str, weights: Array, config: dict[str, Any]) -> Array:
    kind = config["architectures"][0]
    if kind == "LlamaForCausalLM" and name.endswith(("q_proj.weight", "k_proj.weight")):
        key = "num_attention_heads" if "q_proj" in name else "num_key_value_heads"
        heads = config.get(key) or config["num_attention_heads"]
        halves = weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:])
        return halves.swapaxes(1, 2).reshape(weights.shape)
    return weights + 1 if kind == "Gemma3ForCausalLM" and name.endswith("norm.weight") else weights


def _add_tensor(writer: gguf.GGUFWriter, label: str, weights: Array, kind: Format) -> None:
    """Matrices in the file's format, or BF16 where a row does not fill its blocks; vectors in fp32."""
    chosen = TYPES[kind] if weights.ndim > 1 else gguf.GGMLQuantizationType.F32
    block = gguf.GGML_QUANT_SIZES[chosen][0]
    if weights.shape[-1] % block:
        chosen = gguf.GGMLQuantizationType.BF16
    writer.add_tensor(label, gguf.quants.quantize(weights, chosen), raw_dtype=chosen)
