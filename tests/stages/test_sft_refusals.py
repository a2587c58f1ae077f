"""What cannot be trained is refused before weights or data are read, with the key to change."""

import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import msgspec
import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from rustml.cache_layout import CacheLayout
from rustml.errors import EnvironmentFault, InputError, ProfileError
from rustml.models import checkpoint
from rustml.profile import Profile, load
from rustml.profile.compute import ComputeSection
from rustml.profile.method import LoraSection
from rustml.profile.sources import ValidationSection
from rustml.runs.stage import Workspace
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import checkpoint as toy
from tests.support.toy_models import profile, save_adapter, words

with quiet_imports():
    from rustml.stages import sft
    from rustml.training import preconditions

pytestmark = pytest.mark.filterwarnings("ignore")
Usage = namedtuple("Usage", "total used free")


def chosen(**changes: Any) -> Profile:
    section = msgspec.structs.replace(profile().sft, **changes)
    return msgspec.structs.replace(profile(), sft=section, compute=ComputeSection(dtype="float32", attention="eager"))


def start(profile: Profile, folder: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the body of the stage; neither the bank nor the pairs exist."""
    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("weights were read"))
    (root / "scratch").mkdir()
    inputs = {"bank": root / "no bank", "pairs": root / "no pairs"}
    space = Workspace(root / "out", root, inputs, root / "scratch", CacheLayout(root), lambda *_: None)
    sft._train(profile, folder, "runs:/base", space)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"context": 257}, r"sft\.context: 257 tokens, and the model is made for 256 .*: set sft\.context=256"),
        ({"method": LoraSection(target_modules=("c_attn",))}, r"no linear layer 'c_attn'.*it has down_proj, gate_proj"),
    ],
)
def test_a_profile_that_does_not_fit_the_model(
    changes: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=message):
        start(chosen(**changes), toy(tmp_path / "base"), tmp_path, monkeypatch)


def test_a_model_without_linear_layers_takes_no_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GPT-2's layers are convolutions of width one."""
    model = GPT2LMHeadModel(GPT2Config(vocab_size=320, n_positions=256, n_embd=16, n_layer=1, n_head=1))
    checkpoint.save(model, words(), tmp_path / "gpt2")
    with pytest.raises(InputError, match=r"GPT2LMHeadModel has no linear layer .* choose kind full"):
        start(chosen(method=LoraSection()), tmp_path / "gpt2", tmp_path, monkeypatch)


def test_an_adapter_on_another_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = toy(tmp_path / "base")
    save_adapter(base, tmp_path / "adapter")
    weights = base / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(InputError, match="has another digest: give the base that the adapter was trained on"):
        start(chosen(), tmp_path / "adapter", tmp_path, monkeypatch)


def test_a_disk_too_small_for_the_saves_is_refused_with_what_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = toy(tmp_path / "base")
    many = chosen(save_steps=1, keep_checkpoints=3, steps=10)

    def with_free(size: float) -> None:
        monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, size))

    shape = preconditions_shape(base)
    save, result = preconditions.disk_bytes(many.sft, shape, compute := machine())
    assert preconditions.wanted(many.sft, shape, compute) == 4 * save + 2 * result
    with_free(3 * save + 2 * result)
    with pytest.raises(EnvironmentFault, match=r"4 saves of .*and 2 checkpoints of .*set sft\.keep_checkpoints=2, or"):
        start(many, base, tmp_path, monkeypatch)
    with_free(2 * result)
    with pytest.raises(EnvironmentFault, match=r"set sft\.save_steps=0 "):
        preconditions.check_disk(many.sft, shape, compute, tmp_path / "scratch")
    with_free(result)
    with pytest.raises(EnvironmentFault, match=r": work on a larger disk$"):
        preconditions.check_disk(many.sft, shape, compute, tmp_path / "scratch")
    (tmp_path / "scratch" / "checkpoint-1").write_bytes(b"x" * int(4 * save + result))
    preconditions.check_disk(many.sft, shape, compute, tmp_path / "scratch")


def test_saves_are_counted_as_they_lie_there() -> None:
    section = chosen(save_steps=4, keep_checkpoints=3, steps=10).sft
    assert preconditions.saves(section) == 3, "two by step, and one more on a signal"
    assert preconditions.saves(msgspec.structs.replace(section, steps=100)) == 4
    assert preconditions.saves(msgspec.structs.replace(section, steps=None, epochs=1.0)) == 4
    assert preconditions.saves(msgspec.structs.replace(section, save_steps=0)) == 0
    best = msgspec.structs.replace(section, validation=ValidationSection(every=1, records=1, keep_best=True))
    assert (preconditions.copies(section), preconditions.copies(best)) == (2, 3)


def test_a_context_that_positions_are_stretched_to_is_the_models() -> None:
    from transformers import Qwen2Config

    stretched = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024, "rope_theta": 1e4}
    assert preconditions.longest_context(Qwen2Config(max_position_embeddings=1024)) == 1024
    assert preconditions.longest_context(Qwen2Config(max_position_embeddings=1024, rope_parameters=stretched)) == 4096


def test_a_preset_of_another_profile_is_named_with_its_profile() -> None:
    with pytest.raises(ProfileError, match=r"unknown preset; the.*; it is a preset of .*strandset-7b, tiny-presets$"):
        load("qwen3-8b-1gpu", ["preset=aggressive-lr"])


def preconditions_shape(folder: Path) -> Any:
    from rustml.training.methods.base import model_shape

    return model_shape(folder)


def machine() -> Any:
    from rustml.models.compute import Compute

    return Compute("cpu", "float32", "eager")
