"""Every profile of a pretrained model goes through SFT, on a random model of its architecture and tokenizer rules."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import LlamaConfig, PretrainedConfig, Qwen2Config, Qwen3Config, Starcoder2Config
from transformers.models.auto.modeling_auto import AutoModelForCausalLM

from rustml.cache_layout import CacheLayout
from rustml.models import checkpoint, template
from rustml.profile import Profile, load
from rustml.profile.optimizer import AdamW8bitSection, PagedAdamW8bitSection
from rustml.records import Origin, Pair, write_jsonl
from rustml.release.ladder import profile_of
from rustml.runs.stage import Workspace
from rustml.stages import sft
from rustml.stages.computing import resolved
from tests.support.tokenizers import tokenizer_of
from tests.support.toy_models import problem

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 40000,
}
STAND_INS: dict[str, tuple[type[PretrainedConfig], str, dict[str, Any], bool]] = {
    # configuration, rules of the tokenizer, further fields, whether the tokenizer brings a chat template
    "Qwen/Qwen3-8B": (Qwen3Config, "qwen3", {"head_dim": 16, "tie_word_embeddings": False}, True),
    "Qwen/Qwen3-4B": (Qwen3Config, "qwen3", {"head_dim": 16, "tie_word_embeddings": True}, True),
    "Qwen/Qwen2-7B": (Qwen2Config, "qwen2.5", {}, True),
    "Qwen/Qwen2.5-Coder-14B-Instruct": (Qwen2Config, "qwen2.5", {}, True),
    "bigcode/starcoder2-3b": (Starcoder2Config, "starcoder2", {"sliding_window": 64}, False),
    "meta-llama/Llama-3.1-8B": (LlamaConfig, "llama-3.1", {}, False),
}
FULL = ("qwen3-8b", "qwen3-8b-v2", "qwen3-8b-1gpu")
ADAPTERS = (
    "qwen3-8b-1gpu preset=lora",
    *("strandset-7b", "strandset-7b preset=small-batch", "strandset-7b preset=high-capacity", "strandset-4b-check"),
    *("starcoder2-3b", "strand-14b", "llama31-8b-phase1"),
)
CASES = [
    *((name, "", "full") for name in FULL),
    *((name, "", "adapter") for name in ADAPTERS),
    ("llama31-8b-phase2", "sft2", "adapter"),
]


def stand_in(profile: Profile, folder: Path) -> Path:
    """A checkpoint of random weights in the place of the profile's base, its chat template as the profile wants it."""
    base: Any = profile.base
    config_class, rules, fields, has_template = STAND_INS[base.repository]
    words = tokenizer_of(rules)
    if not has_template:
        words.chat_template = None
    config = config_class(**SHAPE, **fields, vocab_size=len(words), pad_token_id=words.pad_token_id)
    config.bos_token_id, config.eos_token_id = words.bos_token_id, words.eos_token_id
    torch.manual_seed(0)
    checkpoint.save(AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16), words, folder)
    template.apply(folder, profile.chat)
    return folder


def shrunk(profile: Profile) -> Profile:
    """Two steps of eight records; everything else as the profile has it, paging apart, which needs a GPU."""
    section, optimizer = profile.sft, profile.sft.optimizer
    if isinstance(optimizer, PagedAdamW8bitSection):
        optimizer = msgspec.convert({**msgspec.to_builtins(optimizer), "kind": "adamw8bit"}, AdamW8bitSection)
    small = msgspec.structs.replace(
        section,
        steps=2,
        epochs=None,
        batch_size=8,
        context=512 if section.packing else 1024,
        optimizer=optimizer,
        log_steps=1,
        validation=msgspec.structs.replace(section.validation, records=4),
    )
    alone = msgspec.structs.replace(profile.launch, processes=1)
    return msgspec.structs.replace(profile, sft=small, launch=alone)


def inputs(root: Path) -> dict[str, Path]:
    folders = {role: root / role for role in ("bank", "pairs")}
    for folder in folders.values():
        folder.mkdir()
    write_jsonl(folders["bank"] / "rust-train.jsonl", map(problem, range(20)))
    origin = Origin(kind="crate", name="c", licence="MIT")
    tasks = ("sig_doc_impl", "instruction_code", "completion", "anchor_code", "domain_strandset", "raw")
    pairs = [
        Pair(
            id=f"{task}{n}",
            task=task,
            instruction="" if task == "raw" else f"Write function number {n}.",
            answer=f"fn f{n}() -> u64 {{\n    {n} + {n}\n}}\n" * 4,
            origin=origin,
            weight=1.0 + n % 3,
        )
        for task in tasks
        for n in range(40)
    ]
    written = {"train": pairs, "validation": pairs[::9], "general_holdout": pairs[-45:-40], "raw": pairs[-40:]}
    for part, records in written.items():
        write_jsonl(folders["pairs"] / f"{part}.jsonl", records)
    return folders


@pytest.mark.parametrize(("words", "step", "kind"), CASES)
def test_a_profile_trains_a_model_of_its_architecture(words: str, step: str, kind: str, tmp_path: Path) -> None:
    name, *changes = words.split()
    profile = resolved(shrunk(profile_of(load(name, changes), step) if step else load(name, changes)))
    folder = stand_in(profile, tmp_path / "base")
    curves: dict[str, list[float]] = {}

    def log(_: int, metrics: Any) -> None:
        for metric, value in metrics.items():
            curves.setdefault(metric, []).append(value)

    out, scratch, report = (tmp_path / part for part in ("out", "scratch", "report"))
    scratch.mkdir()
    space = Workspace(out, report, inputs(tmp_path), scratch, CacheLayout(tmp_path), log)
    outcome = sft._train(profile, folder, "runs:/base", space)
    assert len(curves["sft.loss"]) == 2
    assert all(0 < loss < 20 for loss in curves["sft.loss"])
    described = checkpoint.read(out / "model")
    assert described.kind == kind
    assert outcome.metrics["sft.trained_weights"] > 0
    if kind == "full":
        weights = {
            place: checkpoint.load_model(place, dtype="bfloat16", attention="eager", device="cpu").state_dict()
            for place in (folder, out / "model")
        }
        assert any(not torch.equal(weight, weights[folder][key]) for key, weight in weights[out / "model"].items())
    else:
        assert described.base is not None
        assert described.base.digest == checkpoint.digest(folder)
