"""The checkpoint that is kept is the best on the development problems, and whole after any kill."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import JudgeFault
from rustml.profile.optimizer import ConstantSection, SgdSection
from rustml.records import Verdict
from rustml.testing import FakeJudge
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import StepModel, job, problem, profile, save_step, weights, words

with quiet_imports():
    from rustml.training import best, best_folder, grpo
    from rustml.training.best import BestCheckpoint, pass_rate
    from rustml.training.best_folder import BestFolder

pytestmark = LIBRARY_WARNINGS


def walk(scores: list[float], every: int, scratch: Path, steps: int) -> tuple[str, list[dict[str, float]]]:
    """The step whose checkpoint is kept after a training whose measurements give `scores`, and what was logged."""
    given_scores, logged = iter(scores), []

    def measure(model: StepModel) -> float:
        assert not model.training
        return next(given_scores)

    callback = BestCheckpoint(measure, BestFolder(scratch, save_step), every, lambda _, metrics: logged.append(metrics))
    model, state = StepModel(), SimpleNamespace(global_step=0, max_steps=steps)
    callback.on_train_begin(None, state, None, model=model)
    for state.global_step in range(1, steps + 1):
        model.step = state.global_step
        callback.on_step_end(None, state, None, model=model)
        assert model.training
    return (callback.chosen() / "step").read_text(), logged


@given(st.lists(st.integers(0, 5), min_size=2, max_size=8))
def test_the_last_of_the_best_is_kept_and_never_the_start(tmp_path_factory: Any, marks: list[int]) -> None:
    scores = [mark / 5 for mark in marks]
    kept, logged = walk(scores, 1, tmp_path_factory.mktemp("scratch"), len(scores) - 1)
    after = scores[1:]
    assert kept == str(max(step for step, score in enumerate(after, start=1) if score == max(after)))
    assert [metrics["dev.pass"] for metrics in logged] == scores
    assert logged[-1]["dev.best"] == max(after)


def test_the_last_step_is_measured_where_it_is_no_multiple(tmp_path: Path) -> None:
    kept, logged = walk([0.1, 0.5, 0.6], 4, tmp_path, 6)
    assert kept == "6"
    assert len(logged) == 3, "start, step 4 and step 6"


def test_a_save_that_was_cut_short_is_never_taken_for_the_best(tmp_path: Path) -> None:
    """Killed after the folder was there and before its score was."""
    (tmp_path / best_folder.FOLDER).mkdir()
    kept, _ = walk([0.9, 0.2], 1, tmp_path, 1)
    assert kept == "1"


def test_a_resumed_training_keeps_a_better_checkpoint_of_before(tmp_path: Path) -> None:
    save_step(SimpleNamespace(step=3), tmp_path / best_folder.FOLDER)
    (tmp_path / f"{best_folder.FOLDER}.json").write_text(json.dumps({"step": 3, "score": 0.8}))
    logged: list[dict[str, float]] = []
    kept = BestFolder(tmp_path, save_step)
    callback = BestCheckpoint(lambda _: 0.5, kept, 1, lambda _, metrics: logged.append(metrics))
    callback.on_train_begin(None, SimpleNamespace(global_step=3, max_steps=4), None, model=StepModel())
    callback.on_step_end(None, SimpleNamespace(global_step=4, max_steps=4), None, model=StepModel())
    assert (callback.chosen() / "step").read_text() == "3"
    assert logged == [{"dev.pass": 0.5, "dev.best": 0.8}]


def test_the_start_is_measured_and_the_best_is_what_training_writes(parent: Path, tmp_path: Path) -> None:
    """Real steps; the first step's checkpoint is said to be the best one."""
    section = msgspec.structs.replace(
        profile().grpo, optimizer=SgdSection(learning_rate=0.5), schedule=ConstantSection(), steps=2, generations=4,
        dev=msgspec.structs.replace(profile().grpo.dev, every=1),
    )  # fmt: skip
    problems = [problem(number) for number in range(8)]
    measured: list[dict[str, torch.Tensor]] = []
    scores = iter([0.5, 0.9, 0.1])

    def measure(model: Any) -> float:
        measured.append({name: weight.detach().clone() for name, weight in model.named_parameters()})
        return next(scores)

    def spread(_: object, completions: list[str], **__: object) -> list[float]:
        return [float(sum(text.encode()) % 5) for text in completions]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grpo.JudgeReward, "__call__", spread)
        patch.setattr(grpo, "pass_rate", lambda *_: measure)
        facts = grpo.train(problems, FakeJudge(), section, job(parent, tmp_path), problems[:2])
    assert (facts["dev.step"], facts["dev.best"]) == (1, 0.9)
    written = weights(tmp_path / "out")
    assert all(torch.equal(written[name], weight) for name, weight in measured[1].items() if name in written)
    assert any(not torch.equal(written[name], weight) for name, weight in measured[2].items() if name in written)


class Opinions(FakeJudge):
    """Says what it was told to, whatever it is given."""

    def __init__(self, statuses: list[str]) -> None:
        super().__init__()
        self._statuses = statuses

    def judge(self, candidates: Any, *_: Any) -> list[Verdict]:
        verdicts = super().judge(candidates)
        return [
            msgspec.structs.replace(verdict, status=status)
            for verdict, status in zip(verdicts, self._statuses, strict=True)
        ]


@pytest.mark.parametrize(
    ("statuses", "rate"),
    [(["passed", "wrong"], 0.5), (["passed", "infrastructure"], 1.0), (["wrong", "compile_error"], 0.0)],
)
def test_faults_of_the_judge_are_no_answers(statuses: list[str], rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rate_under(statuses, monkeypatch) == rate


def test_a_judge_that_can_judge_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(JudgeFault, match="development"):
        rate_under(["infrastructure", "infrastructure"], monkeypatch)


def rate_under(statuses: list[str], monkeypatch: pytest.MonkeyPatch) -> float:
    """The measure where answers hold the problems' references, and the judge says `statuses` of them."""
    problems = [problem(number) for number in range(len(statuses))]
    answers = [f"```rust\n{one.reference}\n```" for one in problems]
    monkeypatch.setattr(best.greedy, "answers", lambda *_: answers)
    return pass_rate(words(), problems, Opinions(statuses), 8)(None)
