"""Several processes train as one does: the same losses, saves that any number reads, an end that is told."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
import torch

from rustml.errors import InputError, ProfileError, RustmlError
from rustml.profile import load
from rustml.profile.launch import LaunchSection
from rustml.profile.method import FullSection, LoraSection, MethodSection
from rustml.profile.optimizer import AdamWSection, MuonSection
from rustml.training import data, launch, worker
from rustml.training.job import Job, Log
from tests.support.launched import DDP, FSDP, ONE, counted, refused, signalled
from tests.support.toy_models import job, problem, profile, words
from tests.training.test_resume import tensors

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = data.encode(words(), data.solved(problem(number) for number in range(12)), 256)[0]


def train(section: LaunchSection, method: MethodSection, folder: Path, log: Log, parent: Path) -> None:
    launch.train(task(method), job(parent, folder, log, "float32"), section)


def task(method: MethodSection) -> Callable[[Job], dict[str, float]]:
    from rustml.training import sft

    changes = {"method": method, "optimizer": AdamWSection(learning_rate=0.01), "steps": 5, "log_steps": 1}
    section = msgspec.structs.replace(profile().sft, **changes, batch_size=4, micro_batch=1, save_steps=2)
    return partial(sft.train, ROWS, section)


def losses(train: Callable[[Log], object]) -> dict[int, float]:
    """Losses by the step at which they are logged."""
    logged: dict[int, float] = {}
    train(lambda step, metrics: logged.update({step: metrics["loss"]} if "loss" in metrics else {}))
    return logged


def far(one: Path, other: Path) -> float:
    """The largest difference between the weights in two folders."""
    here, there = tensors(one), tensors(other)
    assert here.keys() == there.keys()
    assert all(here[name].dtype == there[name].dtype for name in here)
    return max(float((here[name].float() - there[name].float()).abs().max()) for name in here)


def test_the_number_of_processes_is_refused_where_it_does_not_divide_a_step() -> None:
    assert launch.check(ONE, 7, "sft.batch_size") == 1
    assert launch.check(DDP, 48, "sft.batch_size") == 2
    with pytest.raises(InputError, match=r"2 processes .* cannot share a step of 7.* sft\.batch_size"):
        launch.check(DDP, 7, "sft.batch_size")


def test_without_a_gpu_a_training_takes_one_process_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    free = msgspec.structs.replace(ONE, processes=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert launch.processes_here(free) == 1
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    assert launch.processes_here(free) == 8, "one process for each visible GPU, and never DataParallel"
    assert launch.check(msgspec.structs.replace(free, nodes=2, address="a:1"), 32, "b") == 16


@pytest.mark.parametrize("change", ["launch.nodes=2", "launch.address=here", "launch.processes=-1"])
def test_a_launch_that_cannot_be_is_refused_with_the_profile(change: str) -> None:
    with pytest.raises(ProfileError, match="launch"):
        load("tiny", (change,))


def test_one_process_trains_in_the_stage_itself(parent: Path, tmp_path: Path) -> None:
    assert launch.train(counted, job(parent, tmp_path), ONE)["processes"] == 1
    assert not (tmp_path / "scratch").exists(), "nothing is written for processes that are not started"


def test_the_errors_of_a_process_are_raised_as_they_were(tmp_path: Path) -> None:
    with pytest.raises(RustmlError, match="exit code 9"):
        launch._facts(tmp_path, 9)
    (tmp_path / "error-1.json").write_text(json.dumps({"kind": "KeyboardInterrupt", "text": ""}))
    with pytest.raises(KeyboardInterrupt):
        launch._facts(tmp_path, 0)
    (tmp_path / "error-0.json").write_text(json.dumps({"kind": "InputError", "text": "the key"}))
    with pytest.raises(InputError, match="the key"):
        launch._facts(tmp_path, 0)


def test_only_the_first_machine_is_given_the_task() -> None:
    two = msgspec.structs.replace(FSDP, processes=8, nodes=2, address="10.0.0.1:29500")
    first, second = launch.command(two, 8, Path("/task"), 0), launch.command(two, 8, None, 1)
    assert [*first, "end"][-3:] == [worker.__name__, "/task", "end"]
    assert second[-1] == worker.__name__
    assert second[second.index("--node-rank") + 1] == "1"
    assert second[second.index("--master-addr") + 1] == "10.0.0.1"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("section", "method"), [(DDP, FullSection()), (FSDP, FullSection()), (FSDP, LoraSection(rank=4))]
)
def test_two_processes_train_as_one_and_resume_where_they_were_killed(
    section: LaunchSection, method: MethodSection, parent: Path, tmp_path: Path
) -> None:
    alone = losses(lambda log: train(ONE, method, tmp_path / "one", log, parent))
    together = losses(lambda log: train(section, method, tmp_path / "two", log, parent))
    assert together == pytest.approx(alone, abs=1e-5)
    assert len(alone) == 5
    assert far(tmp_path / "one" / "out", tmp_path / "two" / "out") < 1e-3

    broken = tmp_path / "broken"
    dying = partial(signalled, task(method), signal.SIGKILL, 3)
    with pytest.raises(RustmlError, match="a training process died"):
        launch.train(dying, job(parent, broken, dtype="float32"), section)
    assert [save.name for save in (broken / "scratch").glob("checkpoint-*")] == ["checkpoint-2"]
    shutil.copytree(broken / "scratch", tmp_path / "fewer" / "scratch")

    rest = losses(lambda log: train(section, method, broken, log, parent))
    assert sorted(rest) == [3, 4, 5]
    assert far(tmp_path / "two" / "out", broken / "out") == 0, "the very weights of an unbroken training"

    fewer = losses(lambda log: train(ONE, method, tmp_path / "fewer", log, parent))
    assert fewer == pytest.approx({step: alone[step] for step in (3, 4, 5)}, abs=1e-5)
    assert far(tmp_path / "one" / "out", tmp_path / "fewer" / "out") < 1e-3


@pytest.mark.slow
def test_processes_that_are_told_to_end_save_first_although_one_alone_was_told(parent: Path, tmp_path: Path) -> None:
    ending = partial(signalled, task(FullSection()), signal.SIGTERM, 2)
    with pytest.raises(KeyboardInterrupt):
        launch.train(ending, job(parent, tmp_path, dtype="float32"), FSDP)
    assert (tmp_path / "scratch" / "checkpoint-3").is_dir(), "the step after the signal, at which no save was due"


@pytest.mark.slow
def test_what_a_process_refuses_is_the_error_of_the_stage(parent: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a key of the profile is wrong"):
        launch.train(refused, job(parent, tmp_path), DDP)


@pytest.mark.slow
def test_two_machines_meet_at_the_address_of_the_first(parent: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    section = msgspec.structs.replace(ONE, nodes=2, address=f"127.0.0.1:{port}")
    logged: list[tuple[int, dict[str, float]]] = []
    with subprocess.Popen(launch.command(section, 1, None, 1), cwd=Path(__file__).parents[2]) as second:
        facts = launch.train(counted, job(parent, tmp_path, lambda *line: logged.append(line)), section)
        assert second.wait(60) == 0
    assert facts == {"processes": 2, "shared": 1, "agreed": 1}
    assert logged == [(7, {"told": 1.0})]


@pytest.mark.slow
def test_muon_takes_sharded_weights(parent: Path, tmp_path: Path) -> None:
    from rustml.training import sft

    optimizer = MuonSection(learning_rate=0.01, adamw_learning_rate=0.01)
    section = msgspec.structs.replace(profile().sft, optimizer=optimizer, steps=3, log_steps=1)
    for each, folder in ((ONE, "one"), (FSDP, "two")):
        launch.train(partial(sft.train, ROWS, section), job(parent, tmp_path / folder, dtype="float32"), each)
    assert far(tmp_path / "one" / "out", tmp_path / "two" / "out") < 1e-2, "it orthogonalises in bf16"
