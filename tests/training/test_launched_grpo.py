"""GRPO in several processes: the losses of one where the answers are the same, and saves that any number reads."""

import os
import pickle
import shutil
import signal
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import InputError, RustmlError
from rustml.profile.grpo import GrpoSection
from rustml.profile.launch import LaunchSection
from rustml.profile.method import FullSection, LoraSection, MethodSection
from rustml.profile.optimizer import AdamWSection, ConstantSection
from rustml.training import launch
from tests.support.launched import (
    DDP,
    FSDP,
    ONE,
    Task,
    passing_judge,
    signalled,
    with_known_answers,
    with_known_verdicts,
)
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, problem, profile
from tests.training.test_launch import far

with quiet_imports():
    from rustml.stages import grpo as stage
    from rustml.training import grpo

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
PROBLEMS = [problem(number) for number in range(12)]
Logged = dict[int, dict[str, float]]


def section_of(method: MethodSection, **changes: Any) -> GrpoSection:
    toy = profile().grpo
    chosen = {
        "method": method, "optimizer": AdamWSection(learning_rate=0.01), "schedule": ConstantSection(), "steps": 5,
        "save_steps": 2, "log_steps": 1, "prompts_per_step": 4, "generations": 4, "passes": 2, "max_new_tokens": 12,
    }  # fmt: skip
    canary = msgspec.structs.replace(toy.canary, every=2, measure="loss", margin=9.0)
    return msgspec.structs.replace(toy, **{**chosen, "canary": canary, **changes})


def task_of(section: GrpoSection) -> Task:
    dev = PROBLEMS[:3] if section.dev.every else []
    return partial(grpo.train_with, passing_judge, PROBLEMS, section, dev=dev, retention=PROBLEMS[:3])


def logged_by(task: Task, processes: LaunchSection, parent: Path, folder: Path) -> Logged:
    """What a training logs, by step."""
    logged: Logged = {}
    given = job(parent, folder, lambda step, metrics: logged.setdefault(step, {}).update(metrics), "float32")
    launch.train(task, given, processes)
    return logged


def without_times(logged: Logged) -> Logged:
    timed = ("judge.", "seconds.", "step_time", "epoch")
    return {
        step: {name: value for name, value in metrics.items() if not name.startswith(timed)}
        for step, metrics in logged.items()
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "method"), [(DDP, FullSection()), (DDP, LoraSection(rank=4)), (FSDP, FullSection())]
)
def test_two_processes_learn_from_the_same_answers_as_one(
    processes: LaunchSection, method: MethodSection, parent: Path, tmp_path: Path
) -> None:
    """Losses, rewards, and what dev problems and canary measure; with prompts by their pass rate."""
    toy = profile().grpo
    section = section_of(
        method,
        dev=msgspec.structs.replace(toy.dev, every=2),
        pools=msgspec.structs.replace(toy.pools, by_pass_rate=True),
        samples=msgspec.structs.replace(toy.samples, every=1),
    )
    task = partial(with_known_answers, task_of(section))
    alone = without_times(logged_by(task, ONE, parent, tmp_path / "one"))
    together = without_times(logged_by(task, processes, parent, tmp_path / "two"))
    assert together.keys() == alone.keys()
    for step, metrics in alone.items():
        assert together[step] == pytest.approx(metrics, abs=1e-4), step
    assert any(metrics.get("reward_std") for metrics in alone.values()), "the answers earn different rewards"
    assert far(tmp_path / "one" / "out", tmp_path / "two" / "out") < 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("processes", "method"), [(DDP, FullSection()), (FSDP, FullSection()), (FSDP, LoraSection(rank=4))]
)
def test_two_processes_that_were_killed_end_as_if_they_had_not_been(
    processes: LaunchSection, method: MethodSection, parent: Path, tmp_path: Path
) -> None:
    """Each draws its answers anew from its own random numbers; one process alone goes on from their save too."""
    toy = profile().grpo
    section = section_of(method, pools=msgspec.structs.replace(toy.pools, by_pass_rate=True))
    task = partial(with_known_verdicts, task_of(section))
    logged_by(task, processes, parent, tmp_path / "unbroken")
    broken = tmp_path / "broken"
    dying = partial(signalled, task, signal.SIGKILL, 3)
    with pytest.raises(RustmlError, match="a training process died"):
        logged_by(dying, processes, parent, broken)
    assert [save.name for save in (broken / "scratch").glob("checkpoint-*")] == ["checkpoint-2"]
    shutil.copytree(broken / "scratch", tmp_path / "fewer" / "scratch")

    assert sorted(logged_by(task, processes, parent, broken)) == [3, 4, 5]
    assert far(tmp_path / "unbroken" / "out", broken / "out") == 0, "the very weights of an unbroken training"

    assert sorted(logged_by(task, ONE, parent, tmp_path / "fewer")) == [3, 4, 5]
    assert far(tmp_path / "unbroken" / "out", tmp_path / "fewer" / "out") > 0, "one process draws other answers"


@pytest.mark.slow
def test_two_processes_draw_groups_without_signal_again(parent: Path, tmp_path: Path) -> None:
    toy = profile().grpo
    section = section_of(FullSection(), generations=2, steps=3, pools=msgspec.structs.replace(toy.pools, resamples=2))
    logged = logged_by(partial(with_known_verdicts, task_of(section)), DDP, parent, tmp_path)
    steps = [logged[step] for step in (1, 2, 3)]
    assert all(metrics["groups.signal"] >= metrics["groups.signal_first"] for metrics in steps)
    assert any(metrics["groups.signal"] > metrics["groups.signal_first"] for metrics in steps)
    assert all(metrics["groups.drawn"] % 2 == 0 for metrics in steps), "as many in each process"


@pytest.mark.slow
def test_two_processes_each_ask_failed_answers_of_their_own_again(parent: Path, tmp_path: Path) -> None:
    repair = msgspec.structs.replace(profile().grpo.repair, prompts=2, failures="all")
    section = section_of(FullSection(), steps=3, repair=repair)
    logged = logged_by(partial(with_known_verdicts, task_of(section)), DDP, parent, tmp_path)
    assert [logged[step].get("repair.answers") for step in (1, 2, 3)] == [None, 4.0, 4.0], "one group in each process"
    assert len(list((tmp_path / "scratch").glob("repairs-*.jsonl"))) == 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"prompts_per_step": 3, "passes": 1}, r"2 processes .* cannot share a step of 3.*grpo\.prompts_per_step"),
        ({"prompts_per_step": 2, "generations": 3, "passes": 2}, r"grpo: passes \(2\) must divide .* on 2 processes"),
    ],
)
def test_a_step_that_processes_cannot_share_is_refused_with_the_key(change: dict[str, int], reason: str) -> None:
    toy = profile()
    with pytest.raises(InputError, match=reason):
        stage.check(msgspec.structs.replace(toy, grpo=msgspec.structs.replace(toy.grpo, **change), launch=DDP))


def test_a_process_opens_a_judge_with_its_part_of_the_processors(tmp_path: Path) -> None:
    made = [
        pickle.loads(pickle.dumps(stage._judge_of_process(msgspec.structs.replace(profile(), launch=each), layout)))
        for each, layout in ((ONE, CacheLayout(tmp_path)), (DDP, CacheLayout(tmp_path)))
    ]
    processors = len(os.sched_getaffinity(0))
    assert [opens.keywords["workers"] for opens in made] == [None, max(1, processors // 2)]
    assert all(opens.args[1].root.is_absolute() for opens in made), "whatever folder a process starts in"
