"""Answers while SFT goes on: judged as curves, kept as a table, and without effect on the training."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rustml.cache_layout import CacheLayout
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.profile.compute import ComputeSection
from rustml.profile.sft import JudgedSection
from rustml.profile.sources import BankSource, ValidationSection
from rustml.runs.stage import Outcome, Workspace
from rustml.testing import FakeJudge
from tests.stages.test_sft import write_inputs
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import problem, profile, weights

with quiet_imports():
    from rustml.stages import sft
    from rustml.stages.report import judged_sample
    from rustml.training.sampled_answers import ANSWERED, answers_file

pytestmark = pytest.mark.filterwarnings("ignore")
SAMPLE = JudgedSection(problems=2, every=2, max_new_tokens=4, prompts=("Say something.",))


def chosen(judged: JudgedSection) -> Profile:
    toy = profile()
    section = msgspec.structs.replace(
        toy.sft,
        judged=judged,
        sources={"families": BankSource(file="rust-train")},
        validation=ValidationSection(every=0, records=0),
    )
    return msgspec.structs.replace(toy, sft=section, compute=ComputeSection(dtype="bfloat16", attention="eager"))


def train(profile: Profile, root: Path) -> tuple[Outcome, dict[str, list[int]]]:
    """The outcome and the steps of each curve."""
    root.mkdir()
    inputs, curves = write_inputs(root), dict[str, list[int]]()

    def log(step: int, metrics: Any) -> None:
        for name in metrics:
            curves.setdefault(name, []).append(step)

    (root / "scratch").mkdir()
    space = Workspace(root / "out", root, inputs, root / "scratch", CacheLayout(root), log)
    return sft._train(profile, inputs["base"] / "model", "runs:/base", space), curves


def test_answers_are_judged_before_during_and_after_and_change_no_weight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def double(*_: object, **__: object) -> Iterator[FakeJudge]:
        yield FakeJudge("passed")

    monkeypatch.setattr(judged_sample, "open_judge", double)
    outcome, curves = train(chosen(SAMPLE), tmp_path / "asked")
    assert curves["sft.judged.compile"] == curves["sft.judged.pass"] == [0, 2, 3]
    assert f"sft.{ANSWERED}" not in curves
    rows = outcome.tables[sft.ANSWERS]
    assert [(row["step"], row["asked"], row["status"]) for row in rows[:3]] == [
        (0, "toy/0", "no code"),
        (0, "toy/1", "no code"),
        (0, "prompt 1", ""),
    ]
    assert len(rows) == 9
    without, curves = train(chosen(profile().sft.judged), tmp_path / "not asked")
    assert sft.ANSWERS not in without.tables
    assert not any("judged" in name for name in curves), "off by default"
    one, other = (weights(tmp_path / name / "out" / "model") for name in ("asked", "not asked"))
    assert all(bool((one[name] == other[name]).all()) for name in one)


@pytest.mark.parametrize(
    ("statuses", "rates"),
    [
        (["passed", "wrong"], {"judged.compile": 1.0, "judged.pass": 0.5}),
        (["compile_error", "infrastructure"], {"judged.compile": 0.0, "judged.pass": 0.0}),
        (["infrastructure", "infrastructure"], {}),
    ],
)
def test_rates_are_of_answers_that_the_judge_could_judge(
    statuses: list[Any], rates: dict[str, float], tmp_path: Path
) -> None:
    problems = [problem(number) for number in range(2)]
    file = answers_file(tmp_path, 5)
    file.parent.mkdir()
    file.write_text(json.dumps({one.id: f"```rust\n{one.reference}\n```" for one in problems}))
    sample = judged_sample.JudgedSample(problems, [], FakeJudge.in_turn(*statuses), tmp_path)
    assert sample.curves(5, {"loss": 1.0, ANSWERED: 2.0}) == {"loss": 1.0, **rates}
    assert [row["status"] for row in sample.rows()] == statuses
    assert sample.curves(6, {"loss": 1.0}) == {"loss": 1.0}, "no answers, no rates"


def test_a_bank_with_too_few_problems_is_refused_before_the_training(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sft\.judged\.problems: 9 are asked for, and .*rust-dev\.jsonl holds 5"):
        train(chosen(msgspec.structs.replace(SAMPLE, problems=9)), tmp_path / "few")
