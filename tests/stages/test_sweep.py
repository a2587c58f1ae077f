"""A sweep ranks what its trials measured; what fails is passed over, and what is finished is not trained again."""

import dataclasses
import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import EnvironmentFault, InputError, ProfileError, RustmlError
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Workspace
from rustml.stages import children, sft, sweep
from rustml.stages.sweep import Plan
from tests.stages.test_sft import write_inputs
from tests.support.stores import tracking_store

Loss = Callable[[Profile], float]


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_database: bytes) -> Iterator[dict[str, str]]:
    """Runs whose outputs no training here reads."""
    monkeypatch.chdir(tmp_path)
    with tracking_store(tmp_path, empty_database):
        runs = {role: str(tracking.client().create_run(tracking.experiment()).info.run_id) for role in ROLES}
        for role, run in runs.items():
            tracking.client().set_tag(run, tracking.STAGE, role)
            tracking.client().set_tag(run, tracking.OUTPUT, role)
        yield runs


ROLES = ("base", "bank", "pairs")


class Trainings:
    """In the place of the body of `sft` and of child processes: what a profile's training would have measured."""

    def __init__(self, patch: pytest.MonkeyPatch, loss: Loss) -> None:
        self.ran: list[tuple[int, int]] = []
        """Batch size and seed."""
        self.limits: list[float | None] = []
        self._loss = loss
        patch.setattr(sft, "_train", self._train)
        patch.setattr(sft, "resolved", lambda profile: profile)
        patch.setattr(children, "call", self._call)

    def _call(self, module: str, profile: Profile, arguments: dict[str, Any], seconds: float | None) -> Any:
        self.limits.append(seconds)
        return importlib.import_module(module).run(profile, **arguments)

    def _train(self, profile: Profile, _folder: Path, _name: str, space: Workspace) -> Outcome:
        self.ran.append((profile.sft.batch_size, profile.seed))
        (space.out / "model").write_text("weights")
        return Outcome({"sft.validation.loss": self._loss(profile)})


def by_batch(profile: Profile) -> float:
    """0.48 at a batch of 48, and more below; a little more with each seed."""
    if profile.sft.batch_size == 13:
        raise RustmlError("the device is full")
    return 0.48 + (48 - profile.sft.batch_size) / 10 + profile.seed / 1000


@pytest.fixture
def trainings(inputs: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> Trainings:  # noqa: ARG001
    return Trainings(monkeypatch, by_batch)


def plan(grid: str = "sft.batch_size=24|13|48", **options: Any) -> Plan:
    return Plan("tiny", ("sft.micro_batch=1",), grid, **options)


def parents() -> list[Any]:
    client = tracking.client()
    return [r for r in client.search_runs([tracking.experiment()]) if r.data.tags.get(tracking.STAGE) == "sweep"]


def test_trials_are_ranked_and_one_that_fails_is_passed_over(trainings: Trainings, inputs: dict[str, str]) -> None:
    trials = sweep.run(plan(seeds=(1, 2), trial_seconds=9, prune=0), **inputs)
    assert trainings.ran == [(24, 1), (24, 2), (13, 1), (48, 1), (48, 2)], "a failed setting has no second seed"
    assert trainings.limits == [9.0] * 5
    assert [(trial.setting[0], trial.status) for trial in trials] == [
        ("sft.batch_size=48", "done"),
        ("sft.batch_size=24", "done"),
        ("sft.batch_size=13", "failed"),
    ]
    assert trials[0].scores == pytest.approx({1: 0.481, 2: 0.482})
    (parent,) = parents()
    client = tracking.client()
    nested = client.search_runs([tracking.experiment()], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert len(nested) == 5
    document = json.loads((Path(parent.info.artifact_uri.removeprefix("file://")) / "sweep.json").read_text())
    assert document["trials"][2]["reason"] == "seed 1: the device is full"
    command = document["best"]
    assert command.startswith("mlflow run . -e sft -P profile=tiny -P set='sft.micro_batch=1 sft.batch_size=48 seed=1'")
    assert not client.search_registered_models(), "a sweep makes no versions"


def test_the_same_sweep_again_trains_only_what_failed(trainings: Trainings, inputs: dict[str, str]) -> None:
    first = sweep.run(plan(), **inputs)
    trainings.ran.clear()
    again = sweep.run(plan(), **inputs)
    assert trainings.ran == [(13, 17)]
    assert [trial.scores for trial in again] == [trial.scores for trial in first]


def test_a_setting_is_dropped_after_its_second_seed_at_the_earliest(
    trainings: Trainings, inputs: dict[str, str]
) -> None:
    trials = sweep.run(plan("sft.batch_size=48|24|12", seeds=(1, 2, 3)), **inputs)
    assert trainings.ran == [(48, 1), (48, 2), (48, 3), (24, 1), (24, 2), (12, 1), (12, 2)]
    assert [trial.status for trial in trials] == ["done", "pruned", "pruned"]


def test_a_dry_run_shows_the_trials_and_opens_no_run(
    trainings: Trainings, inputs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert sweep.run(plan(seeds=(1, 2)), **inputs, dry_run=True) == []
    assert "3 trials over seeds 1, 2: 6 trainings at most" in capsys.readouterr().out
    assert not trainings.ran
    assert not parents()


@pytest.mark.parametrize(
    ("grid", "error", "reason"),
    [
        ("sft.batch_size=48|0", ProfileError, r"sft\.batch_size"),
        ("preset=none-such", ProfileError, "unknown preset"),
        ("pairs.holdout_percent=1|2", InputError, "changes nothing in sft"),
        ("sft.batch_size=1..9", InputError, "is a range"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_before_the_first_training(
    grid: str, error: type[Exception], reason: str, trainings: Trainings, inputs: dict[str, str]
) -> None:
    with pytest.raises(error, match=reason):
        sweep.run(plan(grid), **inputs)
    assert not trainings.ran
    assert not parents()


@pytest.mark.usefixtures("trainings")
def test_a_sweep_without_a_result_fails_with_the_reason(inputs: dict[str, str]) -> None:
    with pytest.raises(RustmlError, match=r"no trial came to a result.*the device is full"):
        sweep.run(plan("sft.batch_size=13"), **inputs)


@pytest.mark.usefixtures("trainings")
def test_a_metric_that_no_run_has_is_named(inputs: dict[str, str]) -> None:
    with pytest.raises(RustmlError, match=r"no finite metric sft\.loss.*it has sft\.validation\.loss"):
        sweep.run(plan("sft.batch_size=48", metric="sft.loss"), **inputs)


def test_drawn_trials_go_on_with_what_was_drawn(trainings: Trainings, inputs: dict[str, str]) -> None:
    pytest.importorskip("optuna", reason="needs requirements/sweep.txt")
    drawn = plan("sft.batch_size=14..48", trials=4)
    first = sweep.run(drawn, **inputs)
    assert len(trainings.ran) == len({trial.setting for trial in first}) > 1
    trainings.ran.clear()
    assert {trial.setting for trial in sweep.run(drawn, **inputs)} == {trial.setting for trial in first}
    assert not trainings.ran


def test_without_optuna_drawing_is_refused_with_the_command_that_installs_it(
    inputs: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(EnvironmentFault, match=r"requirements/sweep\.txt"):
        sweep.run(plan("sft.batch_size=14..48", trials=4), **inputs)


@pytest.mark.slow
def test_a_trial_trains_in_as_many_processes_as_the_profile_says(
    inputs: dict[str, str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Real trials of a toy model; one process finds what two have trained."""
    for role, folder in write_inputs(tmp_path).items():
        artifacts = tracking.client().get_run(inputs[role]).info.artifact_uri.removeprefix("file://")
        shutil.copytree(folder, Path(artifacts) / "output")
    small = (
        "sft.sources.families={records: 12, leave_last: 8}",
        "sft.sources.crates=null",
        "sft.steps=2",
        "compute.dtype=float32",
        "compute.attention=eager",
    )
    plan = Plan("tiny", (*small, "launch.processes=2"), "sft.batch_size=4|8")
    trials = sweep.run(plan, **inputs)
    assert [trial.status for trial in trials] == ["done", "done"], trials
    assert capfd.readouterr().err.count("training in 2 processes") == 2
    alone = sweep.run(dataclasses.replace(plan, overrides=(*small, "launch.processes=1")), **inputs)
    assert [trial.scores for trial in alone] == [trial.scores for trial in trials]
    assert [trial.runs for trial in alone] == [trial.runs for trial in trials], "nothing was trained again"
