"""The comparison of GRPO, expert iteration and more fine-tuning: what its table says of evaluations."""

import pytest

from benchmarks import rl
from rustml.profile import load
from tests.support.evaluations import evaluation_of


def made(rust: int, python: int) -> rl.Evaluation:
    right = [number < rust for number in range(40)]
    return evaluation_of("x", rust=right, rust_sampled=right, python=[number < python for number in range(60)])


def test_items_of_all_seeds_are_paired_with_those_of_their_own_start() -> None:
    comparison = rl.paired({"1": (made(10, 50), made(20, 50)), "2": (made(10, 50), made(10, 50))}, "rust.pass")
    assert comparison.items == 80
    assert comparison.delta == pytest.approx(10 / 80)
    assert (comparison.gains, comparison.losses) == (10, 0)


def test_the_interval_is_the_wider_of_both() -> None:
    text = rl.points(rl.paired({"1": (made(10, 50), made(10, 50))}, "rust.pass"))
    assert text.startswith("+0.0 [-"), "nothing differs, and the bootstrap alone would be a point"
    low, high = (float(bound) for bound in text.partition("[")[2].rstrip("]").split(", "))
    assert low < 0 < high


def test_the_table_has_arms_against_the_start_and_against_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    start = made(10, 50)
    both = rl.Seed(start, {name: rl.Arm(64, 9.0, made(12 + 4 * n, 50)) for n, name in enumerate(rl.ARMS)})
    one = rl.Seed(start, {"grpo": rl.Arm(64, 9.0, made(12, 40))})
    names = rl.measures(load("tiny"), start)
    with_repair = rl.Plan("tiny", prompts=4).load(17)
    assert rl.measures(with_repair, start) == [*names, "rust.repair"]
    assert names == ["rust_sampled.pass", "rust.compile", "rust.pass", "python.pass"]
    rl.report({17: both, 18: one}, ["rust.pass", "python.pass"])
    printed = capsys.readouterr().out
    rows = [line for line in printed.splitlines() if " - " in line]
    assert len(rows) == 10
    assert "expert_iteration, seed 17: rust.pass +15.0, python.pass +0.0" in printed
    assert "grpo, seed 18: rust.pass +5.0, python.pass -16.7" in printed
    assert [word for word in rows[0].split() if word.isdigit()][:2] == ["2", "64"], "seeds and verdicts of grpo"


def test_a_seed_has_a_model_of_its_own_unless_a_start_is_given() -> None:
    own, given = rl.Plan("tiny").load(18), rl.Plan("tiny", "grpo.steps=3 sft.steps=2", start="coder/4").load(19)
    assert (own.seed, own.registered_model) == (18, "rl-tiny-18")
    assert (given.seed, given.registered_model, given.grpo.steps, given.sft.steps) == (19, "coder", 3, 2)


def test_a_given_start_needs_the_runs_it_was_trained_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["rl", "--start", "coder/4", "--bank", "b"])
    with pytest.raises(SystemExit):
        rl.planned()
    assert "--start needs --bank and --pairs" in capsys.readouterr().err
