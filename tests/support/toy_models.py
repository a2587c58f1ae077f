"""A tokenizer, a model and tasks so small that a step takes milliseconds."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import torch
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from rustml.models import checkpoint as checkpoints
from rustml.models import tokenizer
from rustml.models.compute import Compute
from rustml.profile import Profile, load
from rustml.profile.base import ScratchBase
from rustml.records import Problem
from rustml.training import pretrain
from rustml.training.job import Job, Log

CODE = "fn add_{n}(a: i64, b: u8) -> i64 {{ a + {n} }} // twelve tokens -> Vec<Option<String>> == 1234567890\n"
TEXTS = [CODE.format(n=n) for n in range(60)] + ["def f(x):\n    return x\n", "Write a Rust function that adds."]


@cache
def words() -> PreTrainedTokenizerFast:
    return tokenizer.train(TEXTS, 320, 256)


def profile() -> Profile:
    """The tiny profile with a model and steps of nothing."""
    tiny = load("tiny")
    replace = msgspec.structs.replace
    assert isinstance(tiny.base, ScratchBase)
    shape = replace(
        tiny.base.architecture, vocabulary=320, hidden=32, layers=2, feed_forward=48, heads=2, head_dim=16, context=256
    )
    return replace(
        tiny,
        base=replace(tiny.base, architecture=shape, steps=3, tokens_per_step=512),
        sft=replace(tiny.sft, steps=3, batch_size=4, context=256),
        grpo=replace(
            tiny.grpo, steps=3, prompts_per_step=2, generations=2, passes=1, max_new_tokens=6, probe_samples=0
        ),
    )


def base() -> ScratchBase:
    """The base section of that profile."""
    section = profile().base
    assert isinstance(section, ScratchBase)
    return section


def model() -> Qwen3ForCausalLM:
    compute = Compute("cpu", "bfloat16", "eager")
    return pretrain.new_model(base().architecture, words(), seed=1, compute=compute)


def qwen3_8b() -> Qwen3ForCausalLM:
    """Qwen3-8B without weights: 8,190,735,360 of them."""
    config = Qwen3Config(
        vocab_size=151_936, hidden_size=4096, intermediate_size=12_288, num_hidden_layers=36, num_attention_heads=32,
        num_key_value_heads=8, head_dim=128, tie_word_embeddings=False, max_position_embeddings=40_960,
    )  # fmt: skip
    with torch.device("meta"):
        return Qwen3ForCausalLM(config)


class StepModel:
    """Nothing but a mode and the number of the step that it stands at."""

    def __init__(self) -> None:
        self.training, self.step = True, 0

    def train(self, mode: bool = True) -> None:
        self.training = mode

    def eval(self) -> None:
        self.training = False


def save_step(model: Any, folder: Path) -> None:
    """Write the step of a StepModel, as a checkpoint is written."""
    folder.mkdir()
    (folder / "step").write_text(str(model.step))


def checkpoint(folder: Path) -> Path:
    checkpoints.save(model(), words(), folder)
    return folder


def save_adapter(base: Path, folder: Path, name: str = "", seed: int = 2) -> Any:
    """Write to `folder` an adapter on the checkpoint `base`, recorded under `name`, whose weights are not zero."""
    from peft import LoraConfig, get_peft_model

    loaded = checkpoints.load_model(base, dtype="float32", attention="eager", device="cpu")
    adapted = get_peft_model(loaded, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    torch.manual_seed(seed)
    for parameter_name, parameter in adapted.named_parameters():
        if "lora_B" in parameter_name:
            torch.nn.init.normal_(parameter, std=0.2)
    named = checkpoints.Base(name=name or str(base), digest=checkpoints.digest(base))
    checkpoints.save(adapted, checkpoints.load_tokenizer(base), folder, kind="adapter", base=named)
    return adapted.eval()


def job(parent: Path, folder: Path, log: Log = lambda *_: None, dtype: str = "bfloat16") -> Job:
    """A training of `parent` that writes to `folder`/out and saves in `folder`/scratch."""
    return Job(parent, folder / "out", folder / "scratch", 1, Compute("cpu", dtype, "eager"), log)


def problem(number: int) -> Problem:
    return Problem(
        id=f"toy/{number}",
        bank="toy",
        split="train",
        language="rust",
        instruction=f"Write a Rust function `add_{number}` that adds {number}.",
        entry_point=f"add_{number}",
        reference=f"fn add_{number}(a: i64) -> i64 {{\n    a + {number}\n}}",
        tests=f"#[test]\nfn adds() {{ assert_eq!(add_{number}(1), {number + 1}); }}",
        licence="MIT",
    )


def logits(network: Any) -> torch.Tensor:
    """Of a model, for one short text."""
    with torch.inference_mode():
        values: torch.Tensor = network(torch.tensor([[5, 9, 30, 7]])).logits.float()
    return values


def weights(folder: Path) -> dict[str, torch.Tensor]:
    loaded = AutoModelForCausalLM.from_pretrained(str(folder), dtype="auto")
    assert loaded.dtype == torch.bfloat16
    return dict(loaded.state_dict())


def moved(one: Path, other: Path) -> bool:
    """Whether the weights of two checkpoints differ; those of the second have to be finite."""
    before, after = weights(one), weights(other)
    assert before.keys() == after.keys()
    assert all(bool(torch.isfinite(tensor).all()) for tensor in after.values())
    return any(not torch.equal(before[name], after[name]) for name in before)
