"""One batch learnt by heart: what is taken, how it is shared, and what a curve that stays up means."""

import math
from pathlib import Path

import msgspec
import pytest

from rustml.errors import CheckFailed
from rustml.profile import Profile
from rustml.profile.compute import ComputeSection
from rustml.profile.optimizer import AdamWSection
from rustml.profile.sources import BankSource, PairsSource
from rustml.training import data
from tests.stages.test_sft import write_inputs
from tests.support.library_warnings import LIBRARY_WARNINGS, quiet_imports
from tests.support.toy_models import problem, profile, words

with quiet_imports():
    from rustml.stages import overfit_check
    from rustml.training import overfit

pytestmark = LIBRARY_WARNINGS
ROWS = data.encode(words(), data.solved(problem(number) for number in range(12)), 256)[0]


def with_sources(**changes: object) -> Profile:
    toy = profile()
    sources = {"families": BankSource(file="rust-train"), "crates": PairsSource(file="train", tasks={"raw": 1.0})}
    section = msgspec.structs.replace(toy.sft, sources=sources, **changes)
    return msgspec.structs.replace(toy, sft=section, compute=ComputeSection(dtype="float32", attention="eager"))


def check(chosen: Profile, root: Path) -> list[str]:
    inputs, lines = write_inputs(root), list[str]()
    overfit_check.of_folders(chosen, inputs["base"] / "model", inputs["bank"], inputs["pairs"], lines.append)
    return lines


def test_a_model_that_learns_a_batch_by_heart_passes_and_ends_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit, "TARGET", 0.5)
    lines = check(with_sources(optimizer=AdamWSection(learning_rate=0.01)), tmp_path)
    losses = [float(line.split()[-1]) for line in lines if line.startswith("step")]
    assert losses[0] > 1 > 0.5 > losses[-1]
    assert len(losses) < overfit.STEPS / overfit.EVERY
    assert lines[0].startswith("8 records")
    assert lines[-1] == "overfit: the loss is under 0.5"
    assert not list(tmp_path.glob("out*")), "nothing is kept"


@pytest.mark.slow
@pytest.mark.parametrize("packing", [False, True])
def test_the_tiny_method_learns_toy_records_to_a_hundredth_of_a_nat(tmp_path: Path, packing: bool) -> None:
    assert check(with_sources(packing=packing), tmp_path)[-1] == "overfit: the loss is under 0.01"


def test_one_that_does_not_fails_with_the_loss_and_what_to_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overfit, "STEPS", 20)
    still = with_sources(optimizer=AdamWSection(learning_rate=1e-12), packing=True)
    with pytest.raises(CheckFailed, match=r"8 records is \d.* after 20 steps.*does not move.*learning_rate") as failed:
        check(still, tmp_path)
    assert failed.value.exit_code == 3


def test_a_batch_asks_no_question_twice() -> None:
    prompt, answers = [1, 2, 3], ([7], [8])
    twice = [([*prompt, *answer], [-100] * 3 + answer) for answer in answers]
    raw = [([5, number], [5, number]) for number in range(5)]
    assert overfit.batch([*twice, *raw, *ROWS]) == [twice[0], raw[0], *ROWS[:6]]


@pytest.mark.parametrize(("world", "packing"), [(1, False), (3, False), (16, False), (1, True), (5, True)])
def test_every_process_takes_the_same_part_of_a_step(world: int, packing: bool) -> None:
    chosen = msgspec.structs.replace(profile().sft, packing=packing, batch_size=720, micro_batch=3, passes=None)
    section, rows = overfit.section_for(chosen, ROWS[:8], world)
    assert section.batch_size == section.records_per_pass(world) * section.passes_per_step(world) * world
    assert packing or len(rows) == section.batch_size >= 8
    assert {tuple(ids) for ids, _ in rows} == {tuple(ids) for ids, _ in ROWS[:8]}


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([2.0, 3.0, math.nan], "diverges"),
        ([2.0, 5.0, 9.0], "diverges"),
        ([2.0, 1.99, 1.98], "does not move"),
        ([2.0, 0.1, 1.0], "unsteady"),
        ([2.0, 1.0, 0.5, 0.49, 0.49, 0.49, 0.49, 0.49], "stopped falling"),
        ([2.0, 1.0, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05], "still falls"),
    ],
)
def test_advice_follows_the_curve(losses: list[float], words: str) -> None:
    assert words in overfit.advice(losses)
