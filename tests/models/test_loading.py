"""Saving and loading each kind of checkpoint; an adapter only ever meets its own base."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from rustml.errors import InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import saving
from tests.support.toy_models import checkpoint as full_checkpoint
from tests.support.toy_models import logits, model, save_adapter, words

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft and torchao, about torch


def load(folder: Path, **options: Any) -> Any:
    return checkpoints.load_model(folder, dtype="float32", attention="eager", device="cpu", **options).eval()


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return full_checkpoint(tmp_path / "base")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> Path:
    """An adapter on `base`, with the logits that it has to give beside it."""
    adapted = save_adapter(base, tmp_path / "adapter")
    torch.save(logits(adapted), tmp_path / "logits.pt")
    return tmp_path / "adapter"


def test_a_full_checkpoint_comes_back_as_it_was_saved(base: Path) -> None:
    assert checkpoints.kind(base) == "full"
    loaded = load(base)
    assert all(torch.equal(loaded.state_dict()[name], value.float()) for name, value in model().state_dict().items())
    assert checkpoints.load_tokenizer(base).encode("fn add") == words().encode("fn add")


def test_large_weights_are_sharded_and_say_so(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saving, "MAX_SHARD_SIZE", "20KB")
    checkpoints.save(model(), words(), tmp_path / "shards")
    assert checkpoints.kind(tmp_path / "shards") == "sharded"
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    assert torch.equal(logits(load(tmp_path / "shards")), logits(load(base)))


def test_a_shard_passes_through_a_tracking_server() -> None:
    assert saving.MAX_SHARD_SIZE == "450MB"


def test_what_was_there_is_replaced_and_a_failed_save_leaves_it(base: Path) -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            return getattr(words(), name)

        def save_pretrained(self, *_: object, **__: object) -> None:
            raise OSError("disk full")

    before = checkpoints.digest(base)
    with pytest.raises(OSError, match="disk full"):
        checkpoints.save(model(), Broken(), base)
    assert checkpoints.digest(base) == before
    (base / "model-00001-of-00002.safetensors").write_bytes(b"of an earlier attempt")
    checkpoints.save(model(), words(), base)
    assert checkpoints.digest(base) == before
    assert not base.with_name("base.partial").exists()


def test_an_adapter_is_merged_into_its_base(adapter: Path, tmp_path: Path) -> None:
    wanted = torch.load(tmp_path / "logits.pt")
    assert checkpoints.kind(adapter) == "adapter"
    assert torch.allclose(logits(load(adapter)), wanted, atol=1e-5)
    assert not torch.allclose(logits(load(tmp_path / "base")), wanted, atol=1e-2)


def test_an_adapter_can_be_trained_further(adapter: Path) -> None:
    trainable = [name for name, p in load(adapter, merge=False).named_parameters() if p.requires_grad]
    assert trainable
    assert all("lora" in name for name in trainable)


def test_another_base_is_refused_by_name(adapter: Path, base: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    with pytest.raises(InputError, match=rf"adapter on {base} .*has another digest"):
        load(adapter)


def test_a_base_that_is_not_here_is_refused_by_name_and_may_be_given(adapter: Path, base: Path, tmp_path: Path) -> None:
    base.rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"adapter on {base}, which is not a folder here"):
        load(adapter)
    values = logits(load(adapter, base=tmp_path / "elsewhere"))
    assert torch.allclose(values, torch.load(tmp_path / "logits.pt"), atol=1e-5)


def test_the_digest_of_an_adapter_covers_its_base(adapter: Path) -> None:
    before = checkpoints.digest(adapter)
    path = adapter / checkpoints.MANIFEST
    fields = json.loads(path.read_text())
    fields["base"]["digest"] = "0" * 64
    path.write_text(json.dumps(fields))
    assert checkpoints.digest(adapter) != before


def test_the_name_of_an_adapters_base_is_not_in_the_digest(adapter: Path) -> None:
    """Another machine knows the same base by another name."""
    before = checkpoints.digest(adapter)
    config = adapter / "adapter_config.json"
    fields = json.loads(config.read_text())
    config.write_text(json.dumps({**fields, "base_model_name_or_path": "models:/other/7", "revision": "1"}))
    assert checkpoints.digest(adapter) == before
    config.write_text(json.dumps({**fields, "lora_alpha": 99}))
    assert checkpoints.digest(adapter) != before


def test_a_view_of_an_adapter_names_another_folder_of_its_base(adapter: Path, base: Path, tmp_path: Path) -> None:
    shutil.copytree(base, tmp_path / "copy")
    seen = checkpoints.view(adapter, tmp_path / "copy", tmp_path)
    shutil.rmtree(base)
    assert checkpoints.digest(seen) == checkpoints.digest(adapter)
    assert torch.allclose(logits(load(seen)), torch.load(tmp_path / "logits.pt"), atol=1e-5)
    with pytest.raises(InputError, match="kind full, which has no base"):
        checkpoints.view(tmp_path / "copy", base, tmp_path)


def test_an_adapter_from_a_hub_takes_the_digest_of_the_base_that_lies_here(adapter: Path, base: Path) -> None:
    before = checkpoints.digest(adapter)
    (adapter / checkpoints.MANIFEST).unlink()
    assert checkpoints.digest(adapter) == before
    shutil.rmtree(base)
    with pytest.raises(InputError, match=r"records no digest of it"):
        checkpoints.digest(adapter)


@pytest.mark.parametrize("options", [{"kind": "adapter"}, {"kind": "quantised"}, {"kind": "full", "scheme": "x"}])
def test_a_kind_without_what_it_needs_is_not_saved(options: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot save a checkpoint of kind"):
        checkpoints.save(model(), words(), tmp_path / "out", **options)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_tokenizer_is_refused_by_its_path(checkpoint: Path) -> None:
    with pytest.raises(InputError, match=rf"{checkpoint} holds no tokenizer"):
        checkpoints.load_tokenizer(checkpoint)
