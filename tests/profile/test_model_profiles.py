"""The profiles of pretrained models: their values are those of the recipes that they follow."""

from functools import cache, reduce
from typing import Any

import msgspec
import pytest

from rustml.profile import Profile, load
from rustml.release.ladder import ladder_of, profile_of

SEVEN = ["q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "down_proj", "gate_proj"]
QUALITY = "curate.quality"

VALUES: dict[str, dict[str, Any]] = {
    "qwen3-8b": {
        "seed": 17,
        "base.repository": "Qwen/Qwen3-8B",
        "harvest.interval_seconds": 1.0,
        "harvest.max_files_per_crate": 300,
        "harvest.licences": ["MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"],
        f"{QUALITY}.min_bytes": 256,
        f"{QUALITY}.max_bytes": 65536,
        f"{QUALITY}.max_average_line": 120,
        f"{QUALITY}.max_line": 1000,
        f"{QUALITY}.min_alphanumeric": 0.25,
        f"{QUALITY}.exclude_benches": False,
        "curate.near_duplicates.shingle_tokens": 7,
        "curate.near_duplicates.threshold": 0.85,
        "curate.near_duplicates.permutations": 128,
        "pairs.tasks": {"sig_doc_impl": 1.0, "instruction_code": 1.0},
        "pairs.min_doc_characters": 30,
        "pairs.min_body_lines": 3,
        "pairs.max_pair_characters": 12000,
        "pairs.holdout_percent": 5.0,
        "pairs.validation_percent": 2.0,
        "pairs.general_holdout": 250,
        "pairs.anchors_per_pair": 2.0,
        "pairs.anchors.code.share": 0.4,
        "pairs.anchors.general.share": 0.4,
        "pairs.anchors.raw_rust.share": 0.2,
        "pairs.anchors.code.take": 30000,
        "pairs.anchors.general.take": 30000,
        "pairs.anchors.raw_rust.take": 20000,
        "pairs.anchors.code.max_characters": 16000,
        "launch.processes": 4,
        "launch.strategy": "fsdp",
        "sft.method.kind": "full",
        "sft.epochs": 3,
        "sft.batch_size": 64,
        "sft.micro_batch": 2,
        "sft.context": 4096,
        "sft.packing": True,
        "sft.optimizer.kind": "adamw",
        "sft.optimizer.learning_rate": 1.5e-5,
        "sft.optimizer.weight_decay": 0.01,
        "sft.schedule.kind": "cosine",
        "sft.schedule.warmup_share": 0.03,
        "sft.clip_norm": 1.0,
        "sft.gradient_checkpointing": True,
        "sft.save_steps": 25,
        "sft.keep_checkpoints": 8,
        "grpo.steps": 120,
        "grpo.prompts_per_step": 16,
        "grpo.generations": 8,
        "grpo.temperature": 0.9,
        "grpo.max_new_tokens": 768,
        "grpo.optimizer.learning_rate": 1e-6,
        "grpo.schedule.kind": "constant",
        "grpo.schedule.warmup_steps": 5,
        "grpo.beta": 0.0,
        "grpo.save_steps": 40,
        "grpo.keep_checkpoints": 2,
        "grpo.reward_malformed": -0.2,
        "grpo.reward_uncompiled": 0.0,
        "grpo.reward_compiled": 0.3,
        "grpo.reward_passed": 1.0,
        "grpo.reward_clippy": 0.1,
        "judge.compile_seconds": 45.0,
        "judge.run_seconds": 20.0,
        "evaluation.suites.humaneval.max_new_tokens": 768,
        "evaluation.lifecycle": ["rust", "rust_sampled", "humaneval", "mbpp"],
    },
    "qwen3-8b-v2": {
        "sft.epochs": 2,
        "sft.optimizer.learning_rate": 1.5e-5,
        "pairs.anchors.raw_python.language": "python",
        "pairs.anchors.raw_python.instruction_column": "",
        "pairs.anchors_per_pair": 2.0,
    },
    "qwen3-8b-1gpu": {
        "sft.method.kind": "full",
        "sft.optimizer.kind": "adamw8bit",
        "sft.optimizer.masters": False,
        "sft.batch_size": 64,
        "sft.micro_batch": 1,
        "sft.context": 4096,
        "sft.epochs": 3,
    },
    "qwen3-8b-1gpu preset=lora": {
        "sft.method.kind": "lora",
        "sft.method.rank": 256,
        "sft.method.target_modules": "all-linear",
        "sft.optimizer.learning_rate": 2e-4,
    },
    "strandset-7b": {
        "seed": 42,
        "base.repository": "Qwen/Qwen2-7B",
        "pairs.domain.strandset.take": 10000,
        "sft.sources.strandset.records": 9000,
    },
    "strandset-4b-check": {
        "base.repository": "Qwen/Qwen3-4B",
        "pairs.domain.strandset.take": 5000,
        "sft.sources.strandset.records": 4500,
        "sft.batch_size": 4,
        "sft.epochs": 1,
        "sft.method.rank": 16,
        "sft.method.dropout": 0.1,
    },
    "starcoder2-3b": {
        "base.repository": "bigcode/starcoder2-3b",
        "chat.template": "chatml",
        "pairs.validation_percent": 10.0,
        "sft.sources.crates.by_weight": True,
        "sft.method.kind": "qlora",
        "sft.method.rank": 16,
        "sft.method.alpha": 32,
        "sft.method.dropout": 0.05,
        "sft.method.target_modules": ["q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj"],
        "sft.optimizer.learning_rate": 2e-4,
        "sft.batch_size": 16,
        "sft.context": 4096,
        "sft.schedule.warmup_share": 0.1,
        "sft.epochs": 6,
        "sft.validation.patience": 3,
        "evaluation.behaviour.openings": True,
        "evaluation.behaviour.temperature": 0.7,
        "evaluation.behaviour.max_new_tokens": 512,
    },
    "strand-14b": {
        "launch.processes": 8,
        "pairs.domain.strandset.take": 0,
        "sft.method.kind": "lora",
        "sft.method.rank": 64,
        "sft.method.alpha": 16,
        "sft.optimizer.kind": "adamw",
        "sft.optimizer.learning_rate": 5e-5,
        "sft.batch_size": 128,
        "sft.epochs": 3,
        "sft.context": 32768,
    },
    "llama31-8b-phase1": {
        "seed": 42,
        "base.repository": "meta-llama/Llama-3.1-8B",
        f"{QUALITY}.min_bytes": 64,
        f"{QUALITY}.max_bytes": 200000,
        f"{QUALITY}.exclude_tests": True,
        f"{QUALITY}.exclude_examples": False,
        f"{QUALITY}.exclude_benches": True,
        "sft.method.kind": "qlora",
        "sft.method.double_quantisation": True,
        "sft.method.rank": 16,
        "sft.method.alpha": 16,
        "sft.method.dropout": 0.05,
        "sft.method.target_modules": SEVEN,
        "sft.optimizer.kind": "paged_adamw8bit",
        "sft.optimizer.learning_rate": 1e-4,
        "sft.optimizer.weight_decay": 0.0,
        "sft.schedule.warmup_steps": 250,
        "sft.clip_norm": 1.0,
        "sft.steps": 12000,
        "sft.batch_size": 64,
        "sft.context": 4096,
        "sft.packing": True,
        "sft.log_steps": 10,
        "sft.save_steps": 1000,
        "sft.keep_checkpoints": 3,
        "pairs.interleave": "sequential",
    },
    "llama31-8b-phase2": {
        "registered_model": "rust-llama31-8b",
        f"{QUALITY}.min_bytes": 128,
        f"{QUALITY}.max_bytes": 100000,
        f"{QUALITY}.exclude_tests": True,
        f"{QUALITY}.exclude_examples": True,
        f"{QUALITY}.exclude_benches": True,
    },
}
"""Profile, with a preset where there is one, to dotted keys and the values of the recipe."""

PRESETS = {
    # epochs, rate, batch, micro-batch, warm-up, rank, alpha, dropout, steps on 9,000 records
    "baseline": (1, 2e-5, 16, 4, 0.1, 16, 32, 0.05, 562),
    "conservative-lr": (2, 1e-5, 16, 4, 0.1, 16, 32, 0.05, 1124),
    "small-batch": (1, 2e-5, 4, 2, 0.1, 16, 32, 0.1, 2250),
    "aggressive-lr": (1, 5e-5, 16, 4, 0.2, 16, 32, 0.05, 562),
    "high-capacity": (1, 2e-5, 16, 4, 0.1, 32, 64, 0.1, 562),
}


@cache
def loaded(words: str) -> Profile:
    name, *changes = words.split()
    return load(name, changes)


def value(tree: Any, key: str) -> Any:
    return reduce(lambda node, name: node[name], key.split("."), tree)


@pytest.mark.parametrize("name", VALUES)
def test_the_values_are_those_of_the_recipe(name: str) -> None:
    tree = msgspec.json.decode(msgspec.json.encode(loaded(name)))
    assert {key: value(tree, key) for key in VALUES[name]} == VALUES[name]


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_of_strandset_is_that_of_the_study(preset: str) -> None:
    sft = load("strandset-7b", [f"preset={preset}"]).sft
    method: Any = sft.method
    optimizer: Any = sft.optimizer
    assert sft.epochs is not None
    steps = int(sft.epochs * (9000 // sft.batch_size))
    said = (
        sft.epochs,
        optimizer.learning_rate,
        sft.batch_size,
        sft.micro_batch,
        sft.schedule.warmup_share,
        method.rank,
        method.alpha,
        method.dropout,
        steps,
    )
    assert said == PRESETS[preset]
    assert sft.schedule.__struct_config__.tag == "cosine"


def test_the_second_edition_has_a_larger_general_share_and_raw_python() -> None:
    first, second = load("qwen3-8b").pairs.anchors, load("qwen3-8b-v2").pairs.anchors
    assert second["general"].share > first["general"].share
    assert sum(pool.share for pool in second.values()) == pytest.approx(1.0)
    assert set(second) - set(first) == {"raw_python"}


@pytest.mark.parametrize(("processes", "records"), [(1, 16), (2, 8), (4, 4), (8, 2)])
def test_a_step_of_llama_is_64_records_on_any_number_of_gpus(processes: int, records: int) -> None:
    sft = load("llama31-8b-phase1").sft
    assert (sft.records_per_pass(processes), sft.passes_per_step(processes)) == (records, 4)


def test_a_step_that_processes_cannot_share_is_refused() -> None:
    with pytest.raises(ValueError, match=r"passes \(4\) must divide batch_size \(64\) on 3 processes"):
        load("llama31-8b-phase1").sft.records_per_pass(3)
    with pytest.raises(ValueError, match=r"micro_batch \(2\) must divide batch_size \(64\) on 3 processes"):
        load("qwen3-8b").sft.records_per_pass(3)
    assert load("qwen3-8b").sft.records_per_pass(64) == 1


def test_the_second_phase_starts_from_the_first_and_trains_by_values_of_its_own() -> None:
    profile = load("llama31-8b-phase2")
    assert ladder_of(profile).step("sft2").requires == "sft"
    assert profile_of(profile, "sft").sft == load("llama31-8b-phase1").sft
    second: Any = profile_of(profile, "sft2").sft
    assert (second.steps, second.context, second.save_steps) == (4000, 2048, 500)
    assert (second.optimizer.learning_rate, second.schedule.warmup_steps) == (5e-5, 100)
    assert second.method == load("llama31-8b-phase1").sft.method
