"""The memory arithmetic: every part, per GPU, and beside the peak that is measured."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma3TextConfig, Qwen3Config

from benchmarks.tensor_peak import tensor_peak
from rustml.errors import EnvironmentFault
from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.profile import load
from rustml.profile.base import ScratchBase
from rustml.profile.method import FullSection, LoraSection
from rustml.profile.optimizer import AdamWSection, MuonSection, SgdSection
from rustml.training import memory_plan, pretrain, sft
from rustml.training.job import Job
from tests.support.toy_models import qwen3_8b, words

pytestmark = pytest.mark.filterwarnings("ignore")
GPU = Compute("cuda", "bfloat16", "sdpa")
BILLION = 8.1907


@pytest.fixture(scope="module")
def qwen() -> Any:
    return qwen3_8b()


def test_the_parts_of_the_reference_recipe_are_its_arithmetic(qwen: Any) -> None:
    """16 GB of weights, 16 of gradients and 96 of masters and moments, a quarter of each on one of four GPUs."""
    plan = memory_plan.plan(load("qwen3-8b").sft, qwen, GPU, processes=4, sharded=True)
    parts = {row["part"]: row["gb"] for row in plan.rows()}
    assert parts["weights"] == parts["gradients"] == pytest.approx(2 * BILLION / 4, abs=0.01)
    assert parts["masters"] + parts["optimizer"] == pytest.approx(12 * BILLION / 4, abs=0.01)
    assert parts["peak"] < memory_plan.GPUS["h100"]


def test_bf16_with_8_bit_moments_is_six_bytes_a_weight_and_fits_one_gpu(qwen: Any) -> None:
    plan = memory_plan.plan(load("qwen3-8b-1gpu").sft, qwen, GPU)
    assert plan.lasting + plan.memory.gradients == pytest.approx(6.03e9 * BILLION, rel=0.01)
    assert plan.peak < memory_plan.GPUS["h100"] * memory_plan.GIB - memory_plan.RESERVE


def test_what_cannot_fit_is_refused_with_settings_that_do(qwen: Any) -> None:
    section, room = load("qwen3-8b").sft, memory_plan.GPUS["h100"] * memory_plan.GIB
    with pytest.raises(EnvironmentFault, match=r"peaks at \d+\.\d GB on each GPU.*set=.*sft\.optimizer=.*adamw8bit"):
        memory_plan.refuse(section, qwen, GPU, room)
    changes = memory_plan.fitting(section, qwen, GPU, room)
    changed = section
    for key, value in changes.items():
        changed = memory_plan._changed(changed, {key: value})
    assert memory_plan.refuse(changed, qwen, GPU, room).peak <= room
    with pytest.raises(EnvironmentFault, match="no smaller setting fits"):
        memory_plan.refuse(section, qwen, GPU, 1e9)


def test_a_model_of_one_layer_is_counted_too() -> None:
    config = Qwen3Config(
        hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, head_dim=16, vocab_size=300
    )
    with torch.device("meta"):
        shallow = AutoModelForCausalLM.from_config(config)
    assert memory_plan.plan(load("qwen3-8b").sft, shallow, GPU).peak > 0


def test_checkpointing_and_smaller_passes_take_less(qwen: Any) -> None:
    section = load("qwen3-8b-1gpu").sft
    kept = msgspec.structs.replace(section, gradient_checkpointing=False)
    wide = msgspec.structs.replace(section, micro_batch=4)
    base = memory_plan.plan(section, qwen, GPU)
    assert memory_plan.plan(kept, qwen, GPU).activations > 5 * base.activations
    assert memory_plan.plan(wide, qwen, GPU).activations == pytest.approx(4 * base.activations, rel=0.01)


def measured(section: Any, parent: Path, folder: Path, dtype: str) -> float:
    """Bytes of all tensors at the peak of a training, as the allocator reports each of them."""
    length = section.context
    rows = [([5 + (n * i) % 300 for i in range(length)], [5 + (n * i) % 300 for i in range(length)]) for n in range(64)]
    job = Job(parent, folder / "out", folder / "scratch", 1, Compute("cpu", dtype, "sdpa"), lambda *_: None)
    return tensor_peak(lambda: sft.train(rows, section, job), "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("method", "optimizer"),
    [
        (FullSection(), AdamWSection(learning_rate=1e-4)),
        (FullSection(), MuonSection(learning_rate=1e-3, adamw_learning_rate=1e-3)),
        (FullSection(), SgdSection(learning_rate=1e-3)),
        (LoraSection(rank=8), AdamWSection(learning_rate=1e-4)),
    ],
    ids=["adamw", "muon", "sgd", "lora"],
)
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_arithmetic_is_within_15_percent_of_the_measured_peak(
    method: Any, optimizer: Any, checkpointing: bool, dtype: str, tmp_path: Path
) -> None:
    tiny = load("tiny")
    assert isinstance(tiny.base, ScratchBase)
    parent = tmp_path / "parent"
    model = pretrain.new_model(tiny.base.architecture, words(), 1, Compute("cpu", "bfloat16", "sdpa"))
    checkpoint.save(model, words(), parent)
    section = msgspec.structs.replace(
        tiny.sft,
        method=method,
        optimizer=optimizer,
        gradient_checkpointing=checkpointing,
        steps=2,
        batch_size=16,
        micro_batch=8,
        context=256,
    )
    predicted = memory_plan.plan(section, model, Compute("cpu", dtype, "sdpa")).peak
    assert measured(section, parent, tmp_path, dtype) == pytest.approx(predicted, rel=0.15)


@pytest.mark.slow
def test_the_arithmetic_is_within_15_percent_for_gemma3_270m(tmp_path: Path) -> None:
    """Random weights of its shape: a vocabulary that outweighs the layers, by the profile's own LoRA."""
    config = Gemma3TextConfig(
        vocab_size=262_144, hidden_size=640, intermediate_size=2048, num_hidden_layers=18, num_attention_heads=4,
        num_key_value_heads=1, head_dim=256, sliding_window=512, max_position_embeddings=32_768,
    )  # fmt: skip
    torch.manual_seed(1)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
    checkpoint.save(model, words(), tmp_path / "parent")
    section = msgspec.structs.replace(load("gemma3-270m").sft, steps=2, batch_size=4, passes=2, context=256)
    predicted = memory_plan.plan(section, model, Compute("cpu", "bfloat16", "sdpa")).peak
    assert measured(section, tmp_path / "parent", tmp_path, "bfloat16") == pytest.approx(predicted, rel=0.15)
