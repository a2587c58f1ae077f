"""Group relative policy optimisation (Shao et al., 2024) through TRL, the judge as reward."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch
from datasets import Dataset
from torch.optim import SGD, AdamW, Optimizer
from transformers.trainer_callback import PrinterCallback
from trl import GRPOConfig, GRPOTrainer

from rustml import chat
from rustml.errors import InputError
from rustml.judge.judging import Judging
from rustml.models import checkpoint
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem
from rustml.training.optim import Masters, MasterWeights, warmup_stable_decay
from rustml.training.reward import JudgeReward
from rustml.training.trl_callback import Log, Reporter


def train(
    parent: Path,
    problems: Sequence[Problem],
    judge: Judging,
    section: GrpoSection,
    seed: int,
    out: Path,
    scratch: Path,
    log: Log,
) -> None:
    """Teach the checkpoint `parent` by the judge's verdicts on its own answers and write the result to `out`.

    The optimizer works on fp32 masters: at these learning rates bf16 alone would round most updates away. Raises
    InputError when there are no problems, as where each was always or never solved beforehand.
    """
    if not problems:
        raise InputError("grpo: no prompt is left whose answers differ; set probe_samples to 0 or enlarge prompt_pool")
    torch.manual_seed(seed)
    tokenizer = checkpoint.load_tokenizer(parent, padding_side="left")
    # On its device before the optimizer copies its masters, which have to lie where the gradients do.
    model = checkpoint.load_model(parent, dtype="bfloat16", attention="eager")
    model.generation_config.eos_token_id = chat.end_ids(tokenizer)  # where the trainer ends completions
    optimizer = MasterWeights(model, partial(_inner, section))
    schedule = warmup_stable_decay(optimizer, section.steps, warmup=section.warmup_steps, decay=section.decay_share)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=JudgeReward(judge, {problem.id: problem for problem in problems}, section, seed),
        args=arguments(section, seed, scratch),
        train_dataset=prompts(tokenizer, problems),
        processing_class=tokenizer,
        optimizers=(optimizer, schedule),
        callbacks=[Reporter(log)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    checkpoint.save(trainer.model, tokenizer, out)


def _inner(section: GrpoSection, masters: Masters) -> list[Optimizer]:
    if section.optimizer == "sgd":
        return [SGD(masters.values(), lr=section.learning_rate, foreach=True)]
    return [AdamW(masters.values(), lr=section.learning_rate, betas=(0.9, 0.99), weight_decay=0.0, foreach=True)]


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


def arguments(section: GrpoSection, seed: int, scratch: Path) -> GRPOConfig:
    """The trainer's arguments; one optimizer step a batch of fresh completions."""
    return GRPOConfig(
        output_dir=str(scratch),
        max_steps=section.steps,
        per_device_train_batch_size=section.prompts_per_step * section.generations // section.passes,
        gradient_accumulation_steps=section.passes,
        num_generations=section.generations,
        steps_per_generation=section.passes,
        max_completion_length=section.max_new_tokens,
        temperature=section.temperature,
        top_p=1.0,
        top_k=0,
        beta=section.beta,
        max_grad_norm=section.clip_norm,
        mask_truncated_completions=False,
        gradient_checkpointing=False,
        use_vllm=False,
        bf16=False,
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        logging_steps=1,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        log_level="warning",
        dataloader_pin_memory=torch.cuda.is_available(),
    )
