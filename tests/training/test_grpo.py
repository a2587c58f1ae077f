"""Real steps of the trainer: with rewards, without any, and with the real judge."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from transformers import Qwen3Config, Qwen3ForCausalLM

from rustml import chat
from rustml.errors import InputError
from rustml.generation import decoding
from rustml.models import checkpoint
from rustml.profile.optimizer import AdamWSection, ConstantSection, OptimizerSection, SgdSection
from rustml.records import Problem
from rustml.testing import FakeJudge
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.tokenizers import tokenizer_of
from tests.support.toy_models import job, moved, problem, profile, weights, words

with quiet_imports():
    from rustml.training import early_answers, grpo

pytestmark = LIBRARY_WARNINGS
GRPO = profile().grpo
PROBLEMS = [problem(number) for number in range(12)]


@pytest.mark.parametrize("optimizer", [AdamWSection(learning_rate=0.01), SgdSection(learning_rate=0.01)])
def test_reinforcement_writes_a_changed_checkpoint_and_asks_the_judge(
    optimizer: OptimizerSection, parent: Path, tmp_path: Path
) -> None:
    logged: list[dict[str, float]] = []
    section = msgspec.structs.replace(GRPO, optimizer=optimizer, generations=4)
    rewards = iter(range(10**6))

    def call(_: object, completions: list[str], problem_id: list[str], **__: object) -> list[float]:
        assert all(name in {found.id for found in PROBLEMS} for name in problem_id)
        assert len({*problem_id}) == section.prompts_per_step
        return [float(next(rewards) % 3) for _ in completions]  # unlike within a group, whatever the completion

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo.JudgeReward, "__call__", call)
        grpo.train(PROBLEMS, FakeJudge(), section, job(parent, tmp_path, lambda _, m: logged.append(m)))
    assert moved(parent, tmp_path / "out")
    assert len(logged) == section.steps
    assert all(point["seconds.draw"] > 0 and point["seconds.train"] > 0 for point in logged), "phases of a step"


def test_answers_that_have_ended_go_to_the_judge_before_the_step_is_drawn(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With ends among all kinds of tokens, so that answers end one after the other, and as if a GPU drew them."""
    assert not grpo.draws_elsewhere(job(parent, tmp_path))
    monkeypatch.setattr(grpo, "draws_elsewhere", lambda _: True)
    early: list[tuple[str, str]] = []
    rewarded: list[tuple[str, str]] = []

    def begun(problems: Sequence[Problem], answers: Sequence[str], *, explained: bool) -> list[None]:
        assert not explained
        early.extend(zip([one.id for one in problems], answers, strict=True))
        return [None] * len(answers)

    def call(_: object, completions: list[str], problem_id: list[str], **__: object) -> list[float]:
        rewarded.extend(zip(problem_id, completions, strict=True))
        return [0.0] * len(completions)

    monkeypatch.setattr(chat, "end_ids", lambda tokenizer: list(range(3, len(tokenizer), 9)))
    monkeypatch.setattr(early_answers, "candidates_of", begun)
    monkeypatch.setattr(grpo.JudgeReward, "__call__", call)
    grpo.train(PROBLEMS, FakeJudge(), msgspec.structs.replace(GRPO, max_new_tokens=40), job(parent, tmp_path))
    assert 0 < len(early) < len(rewarded)
    assert not Counter(early) - Counter(rewarded), "the same answers to the same problems"


def test_reinforcement_without_a_verdict_moves_nothing(parent: Path, tmp_path: Path) -> None:
    """Every reward None: the judge's faults leave the weights alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo.JudgeReward, "__call__", lambda _, completions, **__: [None] * len(completions))
        grpo.train(PROBLEMS, FakeJudge(), GRPO, job(parent, tmp_path))
    assert not moved(parent, tmp_path / "out")


def test_a_step_in_parts_is_the_step_in_one(parent: Path, tmp_path: Path) -> None:
    """Fewer sequences at once for the memory's sake, and the same update but for rounding."""
    ends = []
    for passes in (1, 2, 4):
        section = msgspec.structs.replace(
            GRPO,
            optimizer=SgdSection(learning_rate=0.5),
            schedule=ConstantSection(),
            steps=1,
            generations=4,
            passes=passes,
        )
        with pytest.MonkeyPatch.context() as patch:
            spread = lambda _, completions, **__: [float(sum(text.encode()) % 5) for text in completions]  # noqa: E731
            patch.setattr(grpo.JudgeReward, "__call__", spread)
            grpo.train(PROBLEMS, FakeJudge(), section, job(parent, tmp_path / str(passes)))
        end = weights(tmp_path / str(passes) / "out")
        ends.append(torch.cat([tensor.flatten().float() for tensor in end.values()]))
    start = torch.cat([tensor.flatten().float() for tensor in weights(parent).values()])
    step = (ends[0] - start).norm()
    assert step > 0
    assert all((end - ends[0]).norm() < 0.1 * step for end in ends[1:])


def test_no_prompts_are_an_error_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="probe_samples"):
        grpo.train([], FakeJudge(), GRPO, job(tmp_path / "none", tmp_path))


def test_prompts_are_rendered_as_served() -> None:
    rows = grpo.prompts(words(), PROBLEMS)
    assert rows[0] == {"prompt": chat.prompt(words(), PROBLEMS[0].instruction), "problem_id": "toy/0"}


@pytest.mark.parametrize("family", ["qwen2.5", "llama-3.1", "gemma-3"])
def test_the_trainer_meets_the_tokens_that_are_served_and_ends_where_turns_end(family: str, tmp_path: Path) -> None:
    """A real step of a model whose tokenizer adds a start token, or ends turns with another token than texts."""
    tokenizer = tokenizer_of(family)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1,
        num_key_value_heads=1, head_dim=16, max_position_embeddings=256,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    checkpoint.save(Qwen3ForCausalLM(config).to(torch.bfloat16), tokenizer, tmp_path / "parent")
    met: set[tuple[int, ...]] = set()
    ends: set[int] = set()

    def generate(model: Any, input_ids: torch.Tensor, **given: Any) -> torch.Tensor:
        ids = [[token for token in row if token != tokenizer.pad_token_id] for row in input_ids.tolist()]
        met.update(map(tuple, ids))
        ends.update(given["generation_config"].eos_token_id)
        return plain(model, input_ids=input_ids, **given)

    plain = decoding.generate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "generate", generate)
        section = msgspec.structs.replace(GRPO, steps=1)
        grpo.train(PROBLEMS, FakeJudge(), section, job(tmp_path / "parent", tmp_path))
    served = {
        tuple(tokenizer.encode(chat.prompt(tokenizer, p.instruction), add_special_tokens=False)) for p in PROBLEMS
    }
    assert met
    assert met <= served
    assert ends == set(chat.end_ids(tokenizer))


@pytest.mark.slow
def test_reinforcement_with_the_real_judge(parent: Path, tmp_path: Path) -> None:
    from rustml.judge import Judge, Limits

    logged: list[dict[str, float]] = []
    with Judge(Limits(), lints=False) as judge:
        reward = grpo.JudgeReward(judge, {found.id: found for found in PROBLEMS}, GRPO, 1)
        answers = [chat.answer(PROBLEMS[0]), "```rust\nfn add_1(a: i64) -> i64 { a }\n```", "```rust\nfn add_2( {\n```"]
        assert reward(answers, ["toy/0", "toy/1", "toy/2"]) == [
            GRPO.reward_passed,
            GRPO.reward_compiled,
            GRPO.reward_uncompiled,
        ]
        grpo.train(PROBLEMS, judge, GRPO, job(parent, tmp_path, lambda _, m: logged.append(m)))
    assert len(logged) == GRPO.steps
    assert weights(tmp_path / "out")


@pytest.mark.parametrize("loss", ["grpo", "dr_grpo", "bnpo"])
def test_a_loss_that_counts_completions_takes_a_step_with_all_of_them(loss: str, parent: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(GRPO, steps=1, generations=4, loss_type=loss, scale_rewards="none")
    grpo.train(PROBLEMS, FakeJudge.in_turn("passed", "wrong", "wrong"), section, job(parent, tmp_path))
    assert (tmp_path / "out").is_dir()


def test_the_loss_of_a_sequence_needs_a_mean_over_sequences() -> None:
    with pytest.raises(ValueError, match="needs loss_type: grpo"):
        msgspec.structs.replace(GRPO, importance_sampling_level="sequence").__post_init__()
    msgspec.structs.replace(GRPO, importance_sampling_level="sequence", loss_type="grpo").__post_init__()
