"""Safetensors as bytes: the same tensors in other shards, and what is damaged is named."""

import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from rustml.errors import InputError
from rustml.models import tensor_files

WEIGHTS = {f"layer.{n}": np.arange(n * 10, n * 10 + 10, dtype=np.float32).reshape(2, 5) for n in range(5)}


@pytest.fixture
def sharded(tmp_path: Path) -> Path:
    """Two shards and their index."""
    folder = tmp_path / "sharded"
    folder.mkdir()
    names = {
        "model-00001-of-00002.safetensors": ["layer.0", "layer.1"],
        "model-00002-of-00002.safetensors": ["layer.2"],
    }
    for file, held in names.items():
        save_file({name: WEIGHTS[name] for name in held}, folder / file, metadata={"format": "pt"})
    places = {name: file for file, held in names.items() for name in held}
    (folder / tensor_files.INDEX).write_text(json.dumps({"weight_map": places}))
    return folder


@given(limit=st.integers(1, 400), count=st.integers(1, 5))
def test_tensors_are_the_same_in_shards_of_any_size(
    limit: int, count: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("out")
    chosen = dict(list(WEIGHTS.items())[:count])
    save_file(chosen, folder / "model.safetensors", metadata={"format": "pt"})
    files = tensor_files.write_shards(tensor_files.tensors(folder), out, limit, tensor_files.metadata(folder))
    again = {name: array for file in files for name, array in load_file(file).items()}
    assert again.keys() == chosen.keys()
    assert all(np.array_equal(again[name], chosen[name]) for name in chosen)
    assert tensor_files.metadata(out) == {"format": "pt"}
    assert len(tensor_files.tensors(out)) == count, "an index of several files names them all"
    assert all(len(tensor_files.tensors_of(file)) == 1 for file in files) or limit >= 80


def test_shards_become_one_file(sharded: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    tensor_files.write_shards(tensor_files.tensors(sharded), out, 1 << 30, {})
    assert [path.name for path in out.iterdir()] == ["model.safetensors"]
    assert sorted(load_file(out / "model.safetensors")) == ["layer.0", "layer.1", "layer.2"]


@pytest.mark.parametrize("cut", [4, 40, -1])
def test_a_file_that_is_cut_off_is_named(sharded: Path, cut: int) -> None:
    path = sharded / "model-00002-of-00002.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"model-00002-of-00002\.safetensors is damaged"):
        tensor_files.tensors(sharded)


@given(content=st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "model.safetensors"
    path.write_bytes(content)
    with suppress(InputError):
        stored = tensor_files.tensors_of(path)
        assert all(tensor.start + tensor.size <= len(content) for tensor in stored)


@pytest.mark.parametrize(
    "header",
    [
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        b'{"a":{"dtype":"F32","shape":[1]}}',
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
        b'{"a":[1]}',
        b"[]",
        b"{",
    ],
)
def test_a_header_that_does_not_fit_its_data_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(InputError, match="is damaged"):
        tensor_files.tensors_of(path)


def test_a_missing_shard_is_named(sharded: Path) -> None:
    (sharded / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(InputError, match=r"layer\.2 lies in model-00002-of-00002\.safetensors, and it lies in none"):
        tensor_files.tensors(sharded)


def test_a_tensor_in_two_files_is_refused(sharded: Path) -> None:
    save_file({"layer.0": WEIGHTS["layer.0"]}, sharded / "other.safetensors")
    with pytest.raises(InputError, match=r"both hold layer\.0"):
        tensor_files.tensors(sharded)
