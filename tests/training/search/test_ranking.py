"""Trials are ranked by their mean, with the interval that their seeds allow; no setting is dropped by one seed."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.training.search import report
from rustml.training.search.ranking import FAILED, PRUNED, Trial, is_worse, ranked

SCORES = st.lists(st.floats(0, 10), max_size=6)


def trial(number: int, scores: list[float], status: str = "done") -> Trial:
    return Trial(number, (f"sft.steps={number}",), dict(enumerate(scores)), {}, status)


def test_the_best_stands_first_whatever_its_seeds_and_failures_last() -> None:
    trials = [trial(1, [], FAILED), trial(2, [0.1], PRUNED), trial(3, [0.5, 0.7]), trial(4, [0.4])]
    assert [each.number for each in ranked(trials, maximise=False)] == [4, 3, 2, 1]
    assert [each.number for each in ranked(trials, maximise=True)] == [3, 4, 2, 1]


def test_the_interval_is_students_and_unknown_for_one_seed() -> None:
    assert trial(1, [2.0]).interval is None
    low, high = trial(1, [1.0, 2.0, 3.0]).interval or (0.0, 0.0)
    assert (low, high) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3), "4.3027 * 1 / sqrt(3)"


def test_a_setting_is_dropped_by_two_seeds_that_are_clearly_worse() -> None:
    assert is_worse([9.0, 9.1], [1.0, 1.1], 0.05, maximise=False)
    assert not is_worse([9.0, 9.1], [1.0, 1.1], 0.05, maximise=True)
    assert not is_worse([9.0, 1.0], [1.0, 1.1], 0.05, maximise=False), "its spread is large"
    assert not is_worse([9.0, 9.1], [1.0, 1.1], 0.0, maximise=False), "pruning is off"
    assert not is_worse([9.0, 9.0], [1.0, 1.0], 0.05, maximise=False), "no spread at all is no evidence"


@given(SCORES, SCORES, st.booleans())
def test_one_seed_never_drops_a_setting(scores: list[float], best: list[float], maximise: bool) -> None:
    if is_worse(scores, best, 0.05, maximise=maximise):
        assert min(len(scores), len(best)) >= 2


def test_the_report_says_what_failed_and_keeps_no_number_that_is_not_there(tmp_path: Path) -> None:
    trials = [trial(1, [0.5, 0.6]), trial(2, [0.7]), trial(3, [], FAILED)]
    trials[2].reason = "seed 1: out of memory"
    report.write(trials, "loss", "mlflow run . -e sft", tmp_path)
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert [row["mean"] for row in document["trials"]] == [pytest.approx(0.55), 0.7, None]
    assert document["trials"][1]["interval"] is None
    assert math.isclose(sum(document["trials"][0]["interval"]) / 2, 0.55)
    text = (tmp_path / "sweep.md").read_text()
    assert "failed: seed 1: out of memory" in text
    assert "unknown: one seed" in text
    assert "mlflow run . -e sft" in text
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")
