"""Weights in files of a size that servers take: the same tensors, and nothing else changes."""

from pathlib import Path

import pytest
import torch

from rustml.models import checkpoint as checkpoints
from rustml.models import tensor_files
from rustml.models.shard_limit import limit_shards

LARGEST = 200_000
"""Bytes of a file: more than any tensor of the tiny model has."""


def test_a_large_file_becomes_shards_that_load_as_before(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    checkpoints.save(loaded(tiny_model), checkpoints.load_tokenizer(tiny_model), folder)
    before, names = loaded(folder).state_dict(), {path.name for path in folder.iterdir()}
    limit_shards(folder, LARGEST)
    files = tensor_files.shards(folder)
    assert len(files) > 1
    assert max(file.stat().st_size for file in files) <= LARGEST
    assert checkpoints.kind(folder) == "sharded"
    after = loaded(folder).state_dict()
    assert after.keys() == before.keys()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert {path.name for path in folder.iterdir()} - {file.name for file in files} - {tensor_files.INDEX} == names - {
        tensor_files.SINGLE
    }


def test_what_fits_and_what_holds_no_weights_is_left_alone(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    checkpoints.save(loaded(tiny_model), checkpoints.load_tokenizer(tiny_model), folder)
    digest = checkpoints.digest(folder)
    limit_shards(folder, 10**9)
    assert checkpoints.digest(folder) == digest
    limit_shards(tmp_path / "missing", 1)


def test_an_adapter_stays_one_file(tmp_path: Path) -> None:
    (tmp_path / "adapter_model.safetensors").write_bytes(b"x" * 1000)
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "somewhere"}')
    limit_shards(tmp_path, 10)
    assert (tmp_path / "adapter_model.safetensors").stat().st_size == 1000


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def loaded(folder: Path) -> torch.nn.Module:
    model: torch.nn.Module = checkpoints.load_model(folder, dtype="float32", attention="eager", device="cpu")
    return model
