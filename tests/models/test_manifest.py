"""The kind of a checkpoint: as it was written, or as its files show it, and never a guess."""

import json
from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.models import manifest
from rustml.models.manifest import Base, Manifest


@pytest.mark.parametrize(
    "described",
    [
        Manifest(kind="full"),
        Manifest(kind="sharded"),
        Manifest(kind="adapter", base=Base(name="models:/coder/3", digest="ab" * 32)),
        Manifest(kind="quantised", scheme="torchao:fp8_weight_only"),
    ],
)
def test_what_is_written_is_read_again_in_any_layout(described: Manifest, tmp_path: Path) -> None:
    (tmp_path / "components").mkdir()
    manifest.write(tmp_path / "components", described)
    assert manifest.read(tmp_path) == described


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "adapter"},
        {"kind": "quantised"},
        {"kind": "full", "scheme": "x"},
        {"kind": "sharded", "base": {"name": "b", "digest": ""}},
        {"kind": "lora"},
        {"kind": "full", "extra": 1},
    ],
)
def test_a_manifest_that_lacks_what_its_kind_needs_is_refused_by_its_path(fields: object, tmp_path: Path) -> None:
    (tmp_path / manifest.MANIFEST).write_text(json.dumps(fields))
    with pytest.raises(InputError, match=r"rustml-checkpoint\.json is not a checkpoint's manifest"):
        manifest.read(tmp_path)


def test_a_single_file_of_weights_is_a_full_checkpoint(checkpoint: Path) -> None:
    assert manifest.read(checkpoint) == Manifest(kind="full")


def test_an_index_shows_shards(checkpoint: Path) -> None:
    (checkpoint / "model.safetensors.index.json").write_text("{}")
    (checkpoint / "model-00002-of-00002.safetensors").write_bytes(b"more")
    assert manifest.kind(checkpoint) == "sharded"


def test_a_quantisation_in_the_configuration_shows_its_scheme(checkpoint: Path) -> None:
    (checkpoint / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "compressed-tensors"}}))
    assert manifest.read(checkpoint) == Manifest(kind="quantised", scheme="compressed-tensors")


@pytest.mark.parametrize(("revision", "name"), [(None, "owner/model"), ("ab" * 20, f"owner/model@{'ab' * 20}")])
def test_a_configuration_of_peft_shows_an_adapter_and_its_base(
    revision: str | None, name: str, checkpoint: Path
) -> None:
    fields = {"base_model_name_or_path": "owner/model", "revision": revision}
    (checkpoint / "adapter_config.json").write_text(json.dumps(fields))
    assert manifest.read(checkpoint).base == Base(name=name, digest="")


def test_an_adapter_that_names_no_base_is_refused(checkpoint: Path) -> None:
    (checkpoint / "adapter_config.json").write_text("{}")
    with pytest.raises(InputError, match="does not name the base"):
        manifest.read(checkpoint)


def test_shards_without_an_index_are_not_guessed_at(checkpoint: Path) -> None:
    (checkpoint / "model-00002-of-00002.safetensors").write_bytes(b"more")
    with pytest.raises(InputError, match=r"cannot tell what kind.*2 files"):
        manifest.read(checkpoint)


def test_a_folder_without_weights_is_not_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="0 files"):
        manifest.kind(tmp_path)
