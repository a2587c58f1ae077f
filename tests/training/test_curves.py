"""The picture of a GRPO training: which points it shows."""

from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
from matplotlib.figure import Figure

from rustml.cache_layout import CacheLayout
from rustml.profile.compute import ComputeSection
from rustml.records import write_jsonl
from rustml.runs.stage import Workspace
from rustml.testing import FakeJudge
from rustml.training.report.curves import CurveFile, draw, panel, running_mean
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import problem, profile

with quiet_imports():
    from rustml.stages import grpo as stage

pytestmark = LIBRARY_WARNINGS


def test_a_resumed_training_replaces_the_points_of_the_steps_that_it_takes_again(tmp_path: Path) -> None:
    file = CurveFile(tmp_path / "scratch" / "curves.jsonl")
    for step, reward in ((1, 0.1), (2, 0.2), (3, 0.9), (3, 0.3)):
        file.note(step, {"reward": reward, "entropy": 1.0})

    assert file.read()["reward"] == {1: 0.1, 2: 0.2, 3: 0.3}


def test_a_line_that_a_kill_cut_short_costs_its_own_step_alone(tmp_path: Path) -> None:
    file = CurveFile(tmp_path / "curves.jsonl")
    file.note(1, {"reward": 0.1})
    with (tmp_path / "curves.jsonl").open("a") as cut:
        cut.write('\n[2, {"rew')
    file.note(3, {"reward": 0.3})

    assert file.read() == {"reward": {1: 0.1, 3: 0.3}}


def test_a_training_without_a_point_has_no_curve(tmp_path: Path) -> None:
    assert CurveFile(tmp_path / "curves.jsonl").read() == {}


def test_the_running_mean_looks_back_alone() -> None:
    assert running_mean([1.0] * 8 + [9.0]) == [1.0] * 8 + [2.0]
    assert running_mean([4.0, 2.0]) == [4.0, 3.0]


def test_a_canary_that_measures_loss_is_within_its_panel() -> None:
    axis = Figure().subplots()
    panel(axis, "held-out pass rate, or minus loss", {"canary": {0: -0.18, 10: -0.2}})

    assert axis.get_ylim()[0] < -0.2
    assert axis.get_ylim()[1] == 0.0


def test_the_picture_shows_more_the_more_was_logged(tmp_path: Path) -> None:
    short = draw("one", {"reward": {1: 0.5}}, tmp_path / "plots" / "one.png")
    many = {name: {step: step / 20 for step in range(20)} for name in ("reward", "share.passed", "canary", "entropy")}
    long = draw("many", {**many, "seconds.draw": {1: 2.0}}, tmp_path / "plots" / "many.png")

    assert short.stat().st_size < long.stat().st_size


def test_the_stage_keeps_every_step_and_leaves_the_picture_with_its_plots(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "open_judge", lambda *_, **__: nullcontext(FakeJudge()))
    write_jsonl(tmp_path / "bank" / "rust-train.jsonl", [problem(number) for number in range(12)])
    toy = profile()
    canary, dev = msgspec.structs.replace(toy.grpo.canary, every=0), msgspec.structs.replace(toy.grpo.dev, every=0)
    toy = msgspec.structs.replace(
        toy,
        compute=ComputeSection(dtype="float32", attention="eager"),
        grpo=msgspec.structs.replace(toy.grpo, prompt_pool=12, canary=canary, dev=dev),
    )
    folders = {name: tmp_path / name for name in ("output", "report", "scratch")}
    space = Workspace(
        folders["output"], folders["report"], {"bank": tmp_path / "bank"}, folders["scratch"],
        CacheLayout(tmp_path / "cache"), lambda _, __: None,
    )  # fmt: skip
    stage._train(toy, parent, "", "digest", space)

    assert (folders["report"] / "plots" / "curves.png").read_bytes().startswith(b"\x89PNG")
    curves = CurveFile(folders["scratch"] / "curves.jsonl").read()
    assert [*curves["share.passed"]] == [*curves["reward"]] == [1, 2, 3]
