"""Merging an adapter: the same logits, the form of the base, and nothing that is not checked."""

import json
from pathlib import Path

import pytest
import torch

from rustml.errors import InputError, RustmlError
from rustml.models import checkpoint as checkpoints
from rustml.models import merge as merging
from rustml.models.merge import merge
from rustml.models.quantise import quantize
from rustml.profile.quantize import QuantizeSection
from tests.support.toy_models import checkpoint as full_checkpoint
from tests.support.toy_models import logits, save_adapter, weights

pytestmark = pytest.mark.filterwarnings("ignore")  # of peft and torchao, about torch


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return full_checkpoint(tmp_path / "base")


def test_what_was_merged_answers_as_base_and_adapter_did(base: Path, tmp_path: Path) -> None:
    wanted = logits(save_adapter(base, tmp_path / "adapter"))
    change = merge(tmp_path / "adapter", tmp_path / "merged")
    assert checkpoints.kind(tmp_path / "merged") == "full"
    written = logits(checkpoints.load_model(tmp_path / "merged", dtype="float32", attention="eager", device="cpu"))
    plain = logits(checkpoints.load_model(base, dtype="float32", attention="eager", device="cpu"))
    assert (written - wanted).abs().max() < 0.1 * (plain - wanted).abs().max()
    assert 0 < change["difference"] < 0.5
    assert 0 < change["divergence"] < 1e-2


def test_what_was_merged_has_names_shapes_and_dtypes_of_the_base(base: Path, tmp_path: Path) -> None:
    save_adapter(base, tmp_path / "adapter")
    merge(tmp_path / "adapter", tmp_path / "merged")
    before, after = weights(base), weights(tmp_path / "merged")
    assert {n: (w.shape, w.dtype) for n, w in before.items()} == {n: (w.shape, w.dtype) for n, w in after.items()}


def test_an_adapter_on_an_adapter_is_merged_with_both(base: Path, tmp_path: Path) -> None:
    save_adapter(base, tmp_path / "first")
    wanted = logits(save_adapter(tmp_path / "first", tmp_path / "second", seed=3))
    merge(tmp_path / "second", tmp_path / "merged")
    written = logits(checkpoints.load_model(tmp_path / "merged", dtype="float32", attention="eager", device="cpu"))
    assert torch.allclose(written, wanted, atol=0.2)
    assert not torch.allclose(
        logits(checkpoints.load_model(tmp_path / "first", dtype="float32", attention="eager", device="cpu")),
        wanted,
        atol=0.2,
    )


def test_another_base_is_refused_and_nothing_is_written(base: Path, tmp_path: Path) -> None:
    save_adapter(base, tmp_path / "adapter")
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.1}))
    with pytest.raises(InputError, match="has another digest"):
        merge(tmp_path / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_only_adapters_are_merged(base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="of kind full, not an adapter"):
        merge(base, tmp_path / "merged")


def test_a_merge_that_moves_logits_is_refused(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from peft.tuners.lora import LoraModel

    save_adapter(base, tmp_path / "adapter")
    monkeypatch.setattr(LoraModel, "merge_and_unload", LoraModel.unload)  # as where weights are lost on the way
    with pytest.raises(RustmlError, match=r"changes a logit by .* it is not used"):
        merge(tmp_path / "adapter", tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_weight_in_another_form_is_named(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_adapter(base, tmp_path / "adapter")
    save = checkpoints.save
    monkeypatch.setattr(merging.checkpoint, "save", lambda model, *rest: save(model.float(), *rest))
    with pytest.raises(RustmlError, match=r"lm_head.weight was .*bfloat16\) and is .*float32"):
        merge(tmp_path / "adapter", tmp_path / "merged")


def test_quantising_an_adapter_tells_what_merging_changed(base: Path, tmp_path: Path) -> None:
    save_adapter(base, tmp_path / "adapter")
    sizes = quantize(
        tmp_path / "adapter", QuantizeSection(producer="torchao", scheme="fp8_weight_only"), tmp_path / "fp8"
    )
    assert checkpoints.kind(tmp_path / "fp8") == "quantised"
    assert sizes["bytes_after"] < sizes["bytes_before"]
    assert sizes["merge.difference"] > 0
