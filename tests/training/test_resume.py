"""A killed training goes on from its last whole save, and ends where the unbroken one ends."""

import json
import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from rustml.profile.grpo import GrpoSection
from rustml.profile.method import FullSection, LoraSection, MethodSection
from rustml.profile.optimizer import AdamW8bitSection, AdamWSection, MuonSection, OptimizerSection, SgdSection
from rustml.profile.sft import SftSection
from rustml.testing import FakeJudge
from rustml.training import data, resume
from rustml.training.job import Log
from tests.support.launched import signalled
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, problem, profile, words

with quiet_imports():
    from rustml.training import grpo, sft

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
PROBLEMS = [problem(number) for number in range(12)]
ROWS = data.encode(words(), data.solved(PROBLEMS), 256)[0]
CASES: list[tuple[MethodSection, OptimizerSection, str]] = [
    (FullSection(), AdamWSection(learning_rate=0.01), "float32"),
    (FullSection(), MuonSection(learning_rate=0.01, adamw_learning_rate=0.01), "bfloat16"),
    (FullSection(), AdamW8bitSection(learning_rate=0.01), "float32"),
    (LoraSection(rank=4, dropout=0.2), AdamWSection(learning_rate=0.01), "float32"),
]


class Killed(BaseException):
    """Stands for the signal."""


def killed_at(step: int) -> Log:
    def log(now: int, _: dict[str, float]) -> None:
        if now == step:
            raise Killed

    return log


def section_of(method: MethodSection, optimizer: OptimizerSection) -> SftSection:
    changes = {"method": method, "optimizer": optimizer, "steps": 7, "log_steps": 1, "save_steps": 2}
    return msgspec.structs.replace(profile().sft, **changes, keep_checkpoints=1)


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    (path,) = folder.glob("*.safetensors")
    return load_file(path)


def same(one: Path, other: Path) -> bool:
    here, there = tensors(one), tensors(other)
    assert here.keys() == there.keys()
    return all(torch.equal(here[name], there[name]) for name in here)


def steps_of(train: Callable[[Log], object]) -> list[int]:
    """The steps that a training logs."""
    steps: list[int] = []
    train(lambda step, _: steps.append(step))
    return steps


@pytest.mark.parametrize(("method", "optimizer", "dtype"), CASES)
def test_fine_tuning_that_was_killed_ends_as_if_it_had_not_been(
    method: MethodSection, optimizer: OptimizerSection, dtype: str, parent: Path, tmp_path: Path
) -> None:
    section = section_of(method, optimizer)
    sft.train(ROWS, section, job(parent, tmp_path / "unbroken", dtype=dtype))
    broken = tmp_path / "broken"
    with pytest.raises(Killed):
        sft.train(ROWS, section, job(parent, broken, killed_at(5), dtype))
    assert [save.name for save in (broken / "scratch").glob("checkpoint-*")] == ["checkpoint-4"], "one save is kept"
    rest = steps_of(lambda log: sft.train(ROWS, section, job(parent, broken, log, dtype)))
    assert rest == [5, 6, 7]
    assert same(tmp_path / "unbroken" / "out", broken / "out")


def test_a_training_killed_after_its_last_step_only_writes_its_result(parent: Path, tmp_path: Path) -> None:
    section = section_of(FullSection(), AdamWSection(learning_rate=0.01))
    sft.train(ROWS, section, job(parent, tmp_path))
    shutil.move(tmp_path / "out", tmp_path / "first")
    sft.train(ROWS, section, job(parent, tmp_path))
    assert same(tmp_path / "first", tmp_path / "out")


def test_reinforcement_that_was_killed_ends_as_if_it_had_not_been(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Completions are drawn anew from the restored state of the random numbers, so that they are the same."""
    spread = lambda _, completions, **__: [float(sum(text.encode()) % 5) for text in completions]  # noqa: E731
    monkeypatch.setattr(grpo.JudgeReward, "__call__", spread)
    section: GrpoSection = msgspec.structs.replace(
        profile().grpo, optimizer=SgdSection(learning_rate=0.5), generations=4, passes=2, steps=5, save_steps=2
    )
    grpo.train(PROBLEMS, FakeJudge(), section, job(parent, tmp_path / "unbroken", dtype="float32"))
    broken = tmp_path / "broken"
    with pytest.raises(Killed):
        grpo.train(PROBLEMS, FakeJudge(), section, job(parent, broken, killed_at(3), "float32"))
    rest = steps_of(lambda log: grpo.train(PROBLEMS, FakeJudge(), section, job(parent, broken, log, "float32")))
    assert rest == [3, 4, 5]
    assert same(tmp_path / "unbroken" / "out", broken / "out")


def save_of(scratch: Path, step: int) -> Path:
    save = scratch / f"checkpoint-{step}"
    save.mkdir(parents=True)
    for name in ("optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors"):
        (save / name).write_bytes(b"x")
    (save / resume.STATE).write_text(json.dumps({"global_step": step}))
    return save


def test_the_newest_whole_save_is_by_step_and_not_by_name(tmp_path: Path) -> None:
    assert resume.last_save(tmp_path) is None
    _, newest = save_of(tmp_path, 9), save_of(tmp_path, 10)
    assert resume.last_save(tmp_path) == newest


@pytest.mark.parametrize("part", ["optimizer.pt", "scheduler.pt", "rng_state.pth", "model.safetensors", resume.STATE])
def test_a_save_without_a_part_is_deleted_and_the_one_before_it_taken(part: str, tmp_path: Path) -> None:
    whole, cut_short = save_of(tmp_path, 2), save_of(tmp_path, 4)
    (cut_short / part).unlink()
    assert resume.last_save(tmp_path) == whole
    assert not cut_short.exists()


@pytest.mark.parametrize("text", ['{"global_step": 4', '{"global_step": 3}', "[]", ""])
def test_a_save_whose_state_was_cut_short_is_not_whole(text: str, tmp_path: Path) -> None:
    save = save_of(tmp_path, 4)
    (save / resume.STATE).write_text(text)
    assert resume.last_save(tmp_path) is None


def test_sigterm_saves_the_step_that_was_running_and_the_training_goes_on_from_there(
    parent: Path, tmp_path: Path
) -> None:
    section = msgspec.structs.replace(section_of(FullSection(), AdamWSection(learning_rate=0.01)), save_steps=100)
    task = partial(sft.train, ROWS, section)
    task(job(parent, tmp_path / "unbroken", dtype="float32"))
    before = signal.getsignal(signal.SIGTERM)
    broken = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        signalled(task, signal.SIGTERM, 3, job(parent, broken, dtype="float32"))
    assert [save.name for save in (broken / "scratch").glob("checkpoint-*")] == ["checkpoint-4"]
    assert signal.getsignal(signal.SIGTERM) == before
    assert steps_of(lambda log: task(job(parent, broken, log, "float32"))) == [5, 6, 7]
    assert same(tmp_path / "unbroken" / "out", broken / "out")
