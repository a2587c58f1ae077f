"""Choose the prompts of reinforcement learning: those whose answers differ, since only they carry a gradient."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field

from rustml.generation.sampling import Engine, Prompt, Sampling
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.progress import ProgressCallback
from rustml.records import Problem

PROBE_BATCH = 32
"""Problems whose answers are drawn and judged at once."""


@dataclass(frozen=True)
class Chosen:
    """The problems to train on, and counts of those kept and left out."""

    problems: Sequence[Problem]
    counts: Mapping[str, int]
    rates: Mapping[str, float] = field(default_factory=dict)
    """Pass rates of the problems, by id, where they were measured."""


def choose(
    open_engine: Callable[[], Engine],
    pool: Sequence[Problem],
    judge: Judging,
    section: GrpoSection,
    seed: int,
    progress: ProgressCallback,
) -> Chosen:
    """Answer each problem `probe_samples` times and keep those that were neither always nor never solved.

    The engine is closed before this returns: training loads the model again, and two of them may not fit. With
    `probe_samples` 0 it is not opened, and all problems are kept. A group of answers with equal rewards has advantage
    0 and teaches nothing (its share is logged by the trainer as `frac_reward_zero_std`).
    """
    if section.probe_samples == 0:
        return Chosen(pool, {"kept": len(pool)})
    solved: list[int] = []
    with closing(open_engine()) as engine:
        for start in range(0, len(pool), PROBE_BATCH):
            solved += _solved(engine, pool[start : start + PROBE_BATCH], judge, section, seed + start)
            progress(len(solved), len(pool))
    informative = [p for p, count in zip(pool, solved, strict=True) if 0 < count < section.probe_samples]
    random.Random(seed).shuffle(informative)
    counts = {"kept": len(informative), "always": solved.count(section.probe_samples), "never": solved.count(0)}
    rates = {problem.id: count / section.probe_samples for problem, count in zip(pool, solved, strict=True)}
    return Chosen(informative, counts, {problem.id: rates[problem.id] for problem in informative})


def _solved(engine: Engine, problems: Sequence[Problem], judge: Judging, section: GrpoSection, seed: int) -> list[int]:
    """Passed answers per problem, drawn at the temperature of training."""
    sampling = Sampling(
        temperature=section.temperature,
        top_p=1.0,
        samples=section.probe_samples,
        max_new_tokens=section.max_new_tokens,
        stops=(),
        seed=seed,
    )
    prompts = [Prompt.question(engine.tokenizer, problem.instruction) for problem in problems]
    answers = [answer for samples in engine.generate(prompts, sampling) for answer in samples]
    repeated = [problem for problem in problems for _ in range(section.probe_samples)]
    passed = [v is not None and v.status == "passed" for v in judge_completions(judge, repeated, answers)]
    return [sum(passed[i : i + section.probe_samples]) for i in range(0, len(passed), section.probe_samples)]
