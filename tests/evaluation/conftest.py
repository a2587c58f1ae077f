"""A checkpoint's files, and a model small enough to load in a test."""

from pathlib import Path

import pytest
import torch
import transformers

from rustml.training import base
from rustml.training import tokenizer as tokenizers


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with the files of a checkpoint; nothing loads it."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3 of 0.1M parameters with random weights and its own tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    words = [f"fn f{n}(a: i64) -> i64 {{ a + {n} }} return the sum of the vector" for n in range(200)]
    tokenizer = tokenizers.train(words, vocabulary=400, context=256)
    config = transformers.Qwen3Config(
        vocab_size=400,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=256,
        initializer_range=0.1,  # far from the ties that equal random weights leave to rounding
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.set_num_threads(1)  # threads that wait for each other are slower than one where other tests run beside
    torch.manual_seed(3)
    base.save(transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32), tokenizer, folder)
    return folder
