"""A model in one GGUF file, as llama.cpp writes it, turned into a checkpoint of safetensors."""

import struct
from pathlib import Path
from typing import Any

from rustml.errors import InputError
from rustml.models import saving

MAGIC = b"GGUF"
ADDS_START = "tokenizer.ggml.add_bos_token"
"""The file's word on whether a text begins with the start token."""


def convert(file: Path, out: Path) -> None:
    """Dequantise the weights of `file` and write them to `out` as a full checkpoint in bf16, with its tokenizer.

    Raises InputError for a file that is not GGUF, or of an architecture that transformers does not read.
    """
    import torch  # noqa: PLC0415  takes seconds to load
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig  # noqa: PLC0415

    _check(file)
    name, folder = file.name, str(file.parent)
    try:
        # Without `dequantize`, weights stay packed, and packed weights can neither be saved nor trained.
        packed = GgufConfig(gguf_file=name, dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, gguf_file=name, quantization_config=packed, dtype=torch.float32, local_files_only=True
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name, local_files_only=True)
    except (ValueError, KeyError, NotImplementedError, struct.error) as error:
        raise InputError(f"base.file: transformers cannot read {file}: {str(error)[:200]}") from error
    _put_start_token(tokenizer, file)
    model.config.quantization_config = None
    saving.save(model.to(torch.bfloat16), tokenizer, out)


def _put_start_token(tokenizer: Any, file: Path) -> None:
    """Let the tokenizer begin texts with its start token where the file says so; transformers drops that on reading.

    A model that was trained with one writes nonsense without it.
    """
    from gguf import GGUFReader  # noqa: PLC0415  of this conversion alone
    from tokenizers.processors import TemplateProcessing  # noqa: PLC0415

    field, start = GGUFReader(file).get_field(ADDS_START), tokenizer.bos_token
    if not (field and field.contents() and start) or tokenizer.encode("x")[:1] == [tokenizer.bos_token_id]:
        return
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single=f"{start} $A", pair=f"{start} $A {start} $B", special_tokens=[(start, tokenizer.bos_token_id)]
    )


def _check(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            magic = stream.read(len(MAGIC))
    except OSError as error:
        raise InputError(f"base.file: cannot read {file}: {error.strerror}; give the path of a GGUF file") from error
    if magic != MAGIC:
        raise InputError(f"base.file: {file} is not a GGUF file: it does not begin with `GGUF`")
