"""Retention that falls during reinforcement learning ends it, and the checkpoint from before is the result."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from rustml.cache_layout import CacheLayout
from rustml.errors import InputError, RustmlError
from rustml.profile.grpo import CanarySection, GrpoSection
from rustml.profile.optimizer import SgdSection
from rustml.records import write_jsonl
from rustml.runs.stage import Workspace
from rustml.testing import FakeJudge
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import StepModel, job, problem, profile, save_step

with quiet_imports():
    from rustml.stages import grpo as stage
    from rustml.training import canary, grpo
    from rustml.training.best_folder import BestFolder
    from rustml.training.canary import Canary

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
SECTION = CanarySection(every=2, file="python-dev", problems=4, measure="pass", margin=0.1)
PROBLEMS = [problem(number) for number in range(12)]


def walk(
    values: list[float], scratch: Path, steps: int, *, start: int = 0, section: CanarySection = SECTION
) -> tuple[Canary, int, list[dict[str, float]]]:
    """The canary after a training whose checks give `values`, the step at which it ended, and what was logged."""
    given, logged = iter(values), []
    kept = BestFolder(scratch, save_step, canary.KEPT)
    callback = Canary(lambda _: next(given), kept, section, scratch, lambda _, metrics: logged.append(metrics))
    model, control = StepModel(), SimpleNamespace(should_training_stop=False)
    state = SimpleNamespace(global_step=start, max_steps=steps)
    callback.on_train_begin(None, state, control, model=model)
    for state.global_step in range(start + 1, steps + 1):
        model.step = state.global_step
        callback.on_step_end(None, state, control, model=model)
        assert model.training
        if control.should_training_stop:
            break
    return callback, state.global_step, logged


def test_a_fall_ends_the_training_and_the_checkpoint_before_it_counts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        callback, ended, logged = walk([0.8, 0.75, 0.72, 0.6], tmp_path, 20)
    assert ended == 6
    assert callback.rolled_back
    assert (callback.chosen() / "step").read_text() == "4"
    assert callback.facts() == {
        "canary.rolled_back": 1.0, "canary.start": 0.8, "canary.last": 0.6, "canary.step": 4.0
    }  # fmt: skip
    assert [point["canary"] for point in logged] == [0.8, 0.75, 0.72, 0.6]
    told = canary.reason(tmp_path)
    assert told == callback.reason
    assert told.startswith("grpo ended at step 6: retention on 4 problems of python-dev fell from 0.8 to 0.6 ")
    assert "grpo.canary.margin: 0.1" in told
    assert told in caplog.text
    assert "the checkpoint of step 4 counts" in caplog.text


def test_small_falls_that_never_pass_the_margin_end_nothing(tmp_path: Path) -> None:
    callback, ended, _ = walk([0.8, 0.71, 0.7, 0.75], tmp_path, 5)
    assert (ended, callback.rolled_back, canary.reason(tmp_path)) == (5, False, "")
    assert callback.facts()["canary.rolled_back"] == 0.0


def test_falls_are_measured_from_the_start_and_do_not_add_up_unseen(tmp_path: Path) -> None:
    callback, ended, _ = walk([0.8, 0.74, 0.72, 0.69], tmp_path, 20)
    assert (ended, callback.rolled_back) == (6, True)


def test_the_last_step_is_checked_where_it_is_no_multiple(tmp_path: Path) -> None:
    callback, ended, _ = walk([0.8, 0.8, 0.1], tmp_path, 3)
    assert (ended, callback.rolled_back) == (3, True)


def test_a_training_whose_first_check_fails_registers_nothing(tmp_path: Path) -> None:
    with pytest.raises(RustmlError, match="no checkpoint of this training held, and no version is registered"):
        walk([0.8, 0.1], tmp_path, 20)


def test_a_resumed_training_compares_with_what_was_measured_before_it(tmp_path: Path) -> None:
    walk([0.8, 0.8], tmp_path, 2)
    callback, ended, logged = walk([0.78, 0.65], tmp_path, 9, start=2)
    assert (ended, callback.facts()["canary.start"]) == (6, 0.8)
    assert [point["canary"] for point in logged] == [0.78, 0.65], "the start is not measured again"


class Forgetful(grpo.Reporter):  # type: ignore[misc, unused-ignore]
    """Scrambles the model before its fourth step, and keeps what the weights were by then."""

    before: dict[str, torch.Tensor]

    def on_step_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        if state.global_step == 3:
            type(self).before = {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}
            torch.manual_seed(1)
            for parameter in model.parameters():
                parameter.data += torch.randn_like(parameter)


def test_injected_forgetting_is_caught_and_rolled_back(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real training, a real loss: what is written is what the weights were before they were scrambled."""
    spread = lambda _, completions, **__: [float(sum(text.encode()) % 5) for text in completions]  # noqa: E731
    monkeypatch.setattr(grpo.JudgeReward, "__call__", spread)
    monkeypatch.setattr(grpo, "Reporter", Forgetful)
    section: GrpoSection = msgspec.structs.replace(
        profile().grpo,
        steps=6,
        optimizer=SgdSection(learning_rate=0.01),
        canary=msgspec.structs.replace(SECTION, every=1, measure="loss", margin=0.5),
    )
    logged: dict[int, dict[str, float]] = {}
    given = job(parent, tmp_path, lambda step, metrics: logged.setdefault(step, {}).update(metrics), "float32")
    facts = grpo.train(PROBLEMS, FakeJudge(), section, given, retention=PROBLEMS[:4])
    assert (facts["canary.rolled_back"], facts["canary.step"]) == (1.0, 3.0)
    assert max(logged) == 4, "two of six steps are saved"
    assert logged[4]["canary"] < logged[3]["canary"] - 0.5
    assert "as the loss rose from" in canary.reason(given.scratch)
    (path,) = given.out.glob("*.safetensors")
    written = load_file(path)
    assert all(torch.equal(tensor, Forgetful.before[name]) for name, tensor in written.items())


def space(folder: Path) -> Workspace:
    return Workspace(folder, folder, {"bank": folder}, folder, CacheLayout(folder), lambda *_: None)


def test_the_file_of_the_check_is_held_out_and_not_empty(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "python-dev.jsonl", PROBLEMS)
    section = msgspec.structs.replace(profile().grpo, canary=SECTION)
    assert [each.id for each in stage._retention(section, space(tmp_path))] == ["toy/0", "toy/1", "toy/2", "toy/3"]
    off = msgspec.structs.replace(section, canary=msgspec.structs.replace(SECTION, every=0, file="none"))
    assert stage._retention(off, space(tmp_path)) == []
    trained = msgspec.structs.replace(section, canary=msgspec.structs.replace(SECTION, file="rust-train"))
    with pytest.raises(InputError, match=r"grpo\.canary\.file: rust-train is trained on"):
        stage._retention(trained, space(tmp_path))
    write_jsonl(tmp_path / "python-dev.jsonl", [])
    with pytest.raises(InputError, match="holds no problem"):
        stage._retention(section, space(tmp_path))
