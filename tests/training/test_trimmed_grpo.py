"""Less work, the same loss and gradient."""

from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rustml.profile.optimizer import ConstantSection, SgdSection
from rustml.testing import FakeJudge
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, problem, profile

with quiet_imports():
    from transformers import AutoModelForCausalLM
    from trl import import_utils

    from rustml.training import grpo, trimmed_grpo
    from rustml.training.trimmed_grpo import GRPOTrainer, TrimmedGRPOTrainer, trimmed

pytestmark = pytest.mark.filterwarnings("ignore")  # of libraries whose versions are pinned, about each other
ROWS = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 9)), min_size=1, max_size=20)
"""Tokens of prompt and completion, by row."""


def padded(rows: list[tuple[int, int]]) -> torch.Tensor:
    """The mask of prompts padded to 6 tokens on the left and completions padded to 9 on the right."""
    return torch.tensor([[0] * (6 - left) + [1] * (left + right) + [0] * (9 - right) for left, right in rows])


def test_trl_does_not_load_vllm_beside_the_trainer() -> None:
    assert import_utils.is_vllm_available.__module__ == trimmed_grpo.__name__
    assert not import_utils.is_vllm_available(min_version="0.22.0")


@given(rows=ROWS, size=st.integers(1, 7))
def test_groups_hold_each_row_once_and_every_token_of_it(rows: list[tuple[int, int]], size: int) -> None:
    mask = padded(rows)
    groups = list(trimmed(mask, 9, size))
    assert sorted(torch.cat([group for group, _ in groups]).tolist()) == list(range(len(rows)))
    for group, columns in groups:
        assert len(group) <= size
        assert mask[group, columns].sum() == mask[group].sum()
        assert columns.start < 6 < columns.stop


@given(rows=ROWS)
def test_groups_are_as_narrow_as_their_longest_rows(rows: list[tuple[int, int]]) -> None:
    for group, columns in trimmed(padded(rows), 9, 3):
        members = [rows[index] for index in group.tolist()]
        assert columns.start == 6 - max(left for left, _ in members)
        assert columns.stop == 6 + max(right for _, right in members)


class Scores:
    """In the place of TRL's trainer: a score per token that depends on the token alone."""

    def _get_per_token_logps_and_entropies(
        self, _: Any, ids: torch.Tensor, mask: torch.Tensor, keep: int, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor, None]:
        scores = ids[:, -keep:].float() * mask[:, -keep:]
        return scores, 2 * scores, None


@settings(max_examples=50)
@given(rows=ROWS)
def test_scores_come_back_in_the_order_of_the_rows(rows: list[tuple[int, int]]) -> None:
    mask = padded(rows)
    ids = torch.arange(mask.numel()).reshape(mask.shape)
    with pytest.MonkeyPatch.context() as patch:
        name = "_get_per_token_logps_and_entropies"
        patch.setattr(GRPOTrainer, name, getattr(Scores, name))
        patch.setattr(trimmed_grpo, "GROUP", 4)
        patch.setattr(TrimmedGRPOTrainer, "_shares", lambda *_: False)
        instance = object.__new__(TrimmedGRPOTrainer)
        logps, entropies, _ = instance._get_per_token_logps_and_entropies(None, ids, mask, 9)
    assert torch.equal(logps, (ids * mask)[:, -9:].float())
    assert entropies is not None
    assert torch.equal(entropies, 2 * logps)


def flat(folder: Path) -> torch.Tensor:
    """All weights of a checkpoint."""
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def _without_pools(trainer: Any, *, pools: object, repairs: object, **options: Any) -> Any:  # noqa: ARG001
    return trainer(**options)


@pytest.mark.parametrize("passes", [1, 2])
def test_a_step_is_the_step_of_the_library(passes: int, parent: Path, tmp_path: Path) -> None:
    """With rewards under which the answers to every other prompt are equal, and teach nothing."""
    section = msgspec.structs.replace(
        profile().grpo, optimizer=SgdSection(learning_rate=0.5), schedule=ConstantSection(), steps=1, generations=4,
        passes=passes, prompts_per_step=4, max_new_tokens=24,
    )  # fmt: skip
    problems = [problem(number) for number in range(8)]

    def rewards(_: object, completions: list[str], problem_id: list[str], **__: object) -> list[float]:
        spread = [float(sum(text.encode()) % 5) for text in completions]
        return [0.3 if int(name[-1]) % 2 else reward for name, reward in zip(problem_id, spread, strict=True)]

    ends = []
    for trainer in (GRPOTrainer, TrimmedGRPOTrainer):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(grpo.JudgeReward, "__call__", rewards)
            patch.setattr(grpo, "PooledGRPOTrainer", partial(_without_pools, trainer))
            grpo.train(problems, FakeJudge(), section, job(parent, tmp_path / trainer.__name__, dtype="float32"))
        ends.append(flat(tmp_path / trainer.__name__ / "out"))
    start = flat(parent)
    assert (ends[0] - start).norm() > 0
    assert (ends[1] - ends[0]).norm() < 1e-3 * (ends[0] - start).norm()
