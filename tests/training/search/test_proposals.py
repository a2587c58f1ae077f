"""A drawn study goes on where it was cut short."""

from pathlib import Path

import pytest

from rustml.errors import InputError
from rustml.training.search.proposals import OptunaStudy, settings_of
from rustml.training.search.space import Space, parse

SPACE = parse("sft.steps=1..100 sft.optimizer.kind=adamw|sgd sft.clip_norm=0.1..2.0", [])


def test_what_can_be_checked_beforehand_are_the_bounds() -> None:
    assert settings_of(parse("a=1..9 b=x|y", []), 5) == [
        ("b=x", "a=1"),
        ("b=x", "a=9"),
        ("b=y", "a=1"),
        ("b=y", "a=9"),
    ]
    assert settings_of(parse("b=x|y", []), 0) == [("b=x",), ("b=y",)]
    with pytest.raises(InputError, match="2 combinations, fewer than trials=5"):
        settings_of(parse("b=x|y", []), 5)


def study(file: Path, trials: int, space: Space = SPACE) -> OptunaStudy:
    pytest.importorskip("optuna", reason="needs requirements/sweep.txt")
    return OptunaStudy(space, trials, file, 17, maximise=False)


def test_a_study_that_was_cut_short_goes_on_with_the_trial_that_was_running(tmp_path: Path) -> None:
    first = study(tmp_path / "s.db", 3)
    settings = iter(first)
    one = next(settings)
    first.tell(0.5)
    two = next(settings)  # and then it is killed
    second = study(tmp_path / "s.db", 3)
    again = []
    for setting in second:
        again.append(setting)
        second.tell(0.1)
    assert again[:2] == [one, two]
    assert len(again) == len(set(again)) == 3
    assert list(study(tmp_path / "s.db", 3)) == again, "all are finished: nothing is drawn"


def test_a_trial_that_failed_is_not_drawn_from(tmp_path: Path) -> None:
    drawn = study(tmp_path / "s.db", 2)
    for _ in drawn:
        drawn.tell(None)
    states = [trial.state.name for trial in drawn._study.trials]
    assert states == ["FAIL", "FAIL"]
