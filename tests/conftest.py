"""Settings of every test."""

import signal
from pathlib import Path
from sqlite3 import Connection

import pytest
from hypothesis import settings
from sqlalchemy import Engine, event

# No test is timed: a busy machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# What runs in a shell's background inherits that Ctrl-C is ignored, and the tests that press it would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest test first: begun last, it would keep one processor busy after all other tests are done."""
    items.sort(key=lambda item: "tests/lifecycle/" not in item.nodeid)


@event.listens_for(Engine, "connect")
def _leave_flushing_to_the_system(connection: object, _record: object) -> None:
    """No test cuts the power: tracking stores need not wait for the disk, which makes their schema a hundred times."""
    if isinstance(connection, Connection):
        connection.execute("PRAGMA synchronous=OFF")


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
    import torch
    import transformers

    from rustml.models import checkpoint as checkpoints
    from rustml.models import tokenizer as tokenizers

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
    checkpoints.save(transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32), tokenizer, folder)
    return folder
