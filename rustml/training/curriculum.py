"""Choose the prompts of reinforcement learning: those whose answers differ, since only they carry a gradient."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig

from rustml import chat
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.models import checkpoint
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem

PROBE_BATCH = 32
"""Problems whose answers are drawn at once."""


@dataclass(frozen=True)
class Chosen:
    """The problems to train on, and how many were left out why."""

    problems: Sequence[Problem]
    counts: Mapping[str, int]


def choose(
    parent: Path,
    pool: Sequence[Problem],
    judge: Judging,
    section: GrpoSection,
    seed: int,
    progress: Callable[[int, int], None],
) -> Chosen:
    """Answer each problem `probe_samples` times and keep those that were neither always nor never solved.

    With `probe_samples` 0 all are kept. A group of answers with equal rewards has advantage 0 and teaches nothing
    (its share is logged by the trainer as `frac_reward_zero_std`).
    """
    if section.probe_samples == 0:
        return Chosen(pool, {"kept": len(pool)})
    solved: list[int] = []
    for start in range(0, len(pool), PROBE_BATCH):
        batch = pool[start : start + PROBE_BATCH]
        answers = sample(parent, batch, section, seed + start)
        repeated = [problem for problem in batch for _ in range(section.probe_samples)]
        passed = [v is not None and v.status == "passed" for v in judge_completions(judge, repeated, answers)]
        solved += [sum(passed[i : i + section.probe_samples]) for i in range(0, len(passed), section.probe_samples)]
        progress(len(solved), len(pool))
    kept = [p for p, count in zip(pool, solved, strict=True) if 0 < count < section.probe_samples]
    random.Random(seed).shuffle(kept)
    counts = {"kept": len(kept), "always": solved.count(section.probe_samples), "never": solved.count(0)}
    return Chosen(kept, counts)


def sample(parent: Path, problems: Sequence[Problem], section: GrpoSection, seed: int) -> list[str]:
    """`probe_samples` answers a problem, at the temperature of training, those of one problem side by side."""
    tokenizer, model = _loaded(parent)
    torch.manual_seed(seed)
    rendered = [chat.prompt(tokenizer, problem.instruction) for problem in problems]
    batch = tokenizer(rendered, return_tensors="pt", padding=True, add_special_tokens=False)
    settings = GenerationConfig(
        do_sample=True,
        temperature=section.temperature,
        top_k=0,
        num_return_sequences=section.probe_samples,
        max_new_tokens=section.max_new_tokens,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.inference_mode():
        drawn = model.generate(**batch.to(model.device), generation_config=settings)
    width = batch.input_ids.shape[1]
    return [str(text) for text in tokenizer.batch_decode(drawn[:, width:], skip_special_tokens=True)]


@cache
def _loaded(parent: Path) -> tuple[Any, Any]:
    tokenizer = checkpoint.load_tokenizer(parent, padding_side="left")
    return tokenizer, checkpoint.load_model(parent, dtype="bfloat16", attention="eager").eval()
