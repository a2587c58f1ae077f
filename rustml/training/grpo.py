"""Group relative policy optimisation (Shao et al., 2024) through TRL, the judge as reward."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

from datasets import Dataset
from transformers import Trainer
from trl import GRPOConfig

from rustml import chat
from rustml.errors import InputError
from rustml.generation import decoding
from rustml.judge.ahead import AheadJudge
from rustml.judge.judging import Judging
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem
from rustml.training import processes, sharding
from rustml.training.best import BestCheckpoint, pass_rate
from rustml.training.canary import KEPT, Canary, measure_of
from rustml.training.early_answers import EarlyAnswers
from rustml.training.health import HealthStop
from rustml.training.job import Job
from rustml.training.pooled_grpo import PooledGRPOTrainer
from rustml.training.pools import HISTORY, Pools
from rustml.training.preconditions import longest_context
from rustml.training.repairs import Repairs
from rustml.training.reward import SAMPLES, JudgeReward
from rustml.training.schedules import total_steps
from rustml.training.trainer import Loaded, best_folder, build, fit, load, on_one_device, shared_arguments
from rustml.training.trl_callback import Reporter

OpenJudge = Callable[[], AbstractContextManager[Judging]]


def train_with(
    open_judge: OpenJudge, problems: Sequence[Problem], section: GrpoSection, job: Job, **held_out: Any
) -> dict[str, float]:
    """`train` with a judge of its own for each process, which is closed in the end."""
    with open_judge() as judge:
        return train(problems, judge, section, job, **held_out)


def train(
    problems: Sequence[Problem],
    judge: Judging,
    section: GrpoSection,
    job: Job,
    dev: Sequence[Problem] = (),
    retention: Sequence[Problem] = (),
    rates: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Teach the checkpoint `job.parent` by the judge's verdicts on its own answers and write the result to `job.out`.

    With development problems the result is the checkpoint that solves most of them, else the last one. With problems of
    `retention` the canary checks them, and ends the training with its last good checkpoint where retention falls.
    `rates` are pass rates that were measured beforehand, by problem.

    A killed training goes on from its last save. The trainer generates anew after a resume, so a save has to fall on a
    step that generates: each one does here, since a step uses up its completions (`steps_per_generation` equals
    `gradient_accumulation_steps`, and `num_iterations` is 1).

    Returns counts of weights and the memory that training needed before its first activation. Raises what
    `rustml.training.trainer.load` raises, and InputError when there are no problems, as where each was always or never
    solved beforehand.
    """
    if not problems:
        raise InputError("grpo: no prompt is left whose answers differ; set probe_samples to 0 or enlarge prompt_pool")
    loaded = load(job, section, padding_side="left")
    loaded.model.generation_config.eos_token_id = chat.end_ids(loaded.tokenizer)  # where the trainer ends completions
    repairs = Repairs(section, loaded.tokenizer, longest_context(loaded.shape.config), job.seed, job.scratch)
    pools = Pools(list({one.id: None for one in problems}), section.pools, job.seed, job.scratch / HISTORY, rates or {})
    with AheadJudge(judge) as ahead:
        trainer = _trainer(problems, ahead, section, job, loaded, pools, repairs)
        canary = _canary(loaded, ahead, section, job, retention) if retention else None
        best = _best(loaded, ahead, section, job, dev) if dev else None
        for callback in (canary, best):
            if callback is not None:
                trainer.add_callback(callback)
        return fit(trainer, loaded, job, best, canary)


def _trainer(
    problems: Sequence[Problem],
    judge: AheadJudge,
    section: GrpoSection,
    job: Job,
    loaded: Loaded,
    pools: Pools,
    repairs: Repairs,
) -> Trainer:
    by_id, steps = {problem.id: problem for problem in problems}, length(len(problems), section)
    asked = prompts(loaded.tokenizer, problems)
    by_prompt = dict(zip(asked["prompt"], problems, strict=True))
    early = EarlyAnswers(judge, by_prompt, loaded.tokenizer, explained=repairs.asks)
    loaded.model.generate = partial(_generate, loaded.model, early if draws_elsewhere(job) else None)
    return build(
        PooledGRPOTrainer,
        loaded,
        section,
        job,
        steps,
        pools=pools,
        repairs=repairs,
        reward_funcs=JudgeReward(judge, by_id, section, job.seed, job.scratch / SAMPLES, pools, repairs),
        args=arguments(section, job, steps),
        train_dataset=asked,
        callbacks=[Reporter(job.log), HealthStop(section.health)],
    )


def _generate(model: Any, early: EarlyAnswers | None, **given: Any) -> Any:
    """In the place of the model's own `generate`."""
    with sharding.unsharded(model):
        return decoding.generate(model, ended=early.ended if early else None, **given)


def draws_elsewhere(job: Job) -> bool:
    """Whether drawing answers leaves the processors to the judge: else both together take longer than in turn."""
    return job.compute.device != "cpu"


def _canary(loaded: Loaded, judge: Judging, section: GrpoSection, job: Job, retention: Sequence[Problem]) -> Canary:
    measure = measure_of(section, loaded.tokenizer, retention, judge)
    return Canary(measure, best_folder(loaded, job, KEPT), section.canary, job.scratch, job.log)


def _best(loaded: Loaded, judge: Judging, section: GrpoSection, job: Job, dev: Sequence[Problem]) -> BestCheckpoint:
    measure = pass_rate(loaded.tokenizer, dev, judge, section.max_new_tokens)
    return BestCheckpoint(measure, best_folder(loaded, job), section.dev.every, job.log)


def length(problems: int, section: GrpoSection) -> int:
    """Steps of the training on so many problems."""
    return total_steps(section.steps, section.epochs, max(1, problems // section.prompts_per_step))


def prompts(tokenizer: chat.Tokenizer, problems: Sequence[Problem]) -> Dataset:
    """Rendered prompts with the id by which the reward finds the tests.

    They lack their start token: the trainer lets the tokenizer add it.
    """
    rendered = [chat.prompt(tokenizer, problem.instruction) for problem in problems]
    rows = [
        {"prompt": chat.without_start(tokenizer, text), "problem_id": problem.id}
        for text, problem in zip(rendered, problems, strict=True)
    ]
    return Dataset.from_list(rows)


def arguments(section: GrpoSection, job: Job, steps: int) -> GRPOConfig:
    """The trainer's arguments; one optimizer step per batch of fresh completions, which processes share."""
    config = GRPOConfig(
        **shared_arguments(section, job, steps),
        per_device_train_batch_size=section.answers_per_pass(processes.world()),
        gradient_accumulation_steps=section.passes,
        num_generations=section.generations,
        steps_per_generation=section.passes,
        num_iterations=1,
        max_completion_length=section.max_new_tokens,
        temperature=section.temperature,
        top_p=1.0,
        top_k=0,
        beta=section.beta,
        loss_type=section.loss_type,
        importance_sampling_level=section.importance_sampling_level,
        epsilon=section.epsilon,
        epsilon_high=section.epsilon_high,
        mask_truncated_completions=section.mask_truncated_completions,
        scale_rewards=section.scale_rewards,
        entropy_coef=section.entropy_coef,
        use_vllm=False,
    )
    return on_one_device(config)
