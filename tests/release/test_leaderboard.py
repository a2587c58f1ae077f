"""Models are ranked by suite, with what their numbers are worth, and never across protocols."""

import csv
import io

import pytest
from msgspec.structs import replace

from rustml.errors import InputError
from rustml.evaluation.results.report_file import Evaluation
from rustml.release.leaderboard import COLUMNS, as_csv, as_html, check_one_protocol, entries, ranked
from tests.support.evaluations import evaluation_of, recorded


def measured(name: str, passed: int) -> tuple[str, str, Evaluation]:
    return f"run-{name}", name, evaluation_of(name, rust=[n < passed for n in range(100)])


def other_protocol(given: Evaluation) -> Evaluation:
    rust = replace(given.suites["rust"], protocol={"engine": "vllm"})
    return recorded(replace(given, suites={"rust": rust}))


def test_the_best_stands_first_with_its_interval_and_equals_share_a_rank() -> None:
    rows = entries([measured("low", 10), measured("high", 90), measured("even", 10)], "pass")
    placed = ranked(rows)
    assert [(rank, row.model) for rank, row in placed] == [(1, "high"), (2, "even"), (2, "low")]
    best = placed[0][1]
    assert (best.share, best.items, best.samples) == (0.9, 100, 1)
    assert best.low == pytest.approx(0.826, abs=0.001)
    assert best.high == pytest.approx(0.945, abs=0.001)


def test_weights_that_were_measured_twice_alike_stand_once() -> None:
    first, second = measured("same", 40), measured("same", 40)
    assert [row.run for row in entries([first, ("later", *second[1:])], "pass")] == ["run-same"]


def test_protocols_are_not_mixed() -> None:
    run, name, report = measured("served", 50)
    rows = entries([measured("ours", 40), (run, name, other_protocol(report))], "pass")
    with pytest.raises(InputError, match=r"suite rust was measured under 2 protocols.*\((ours|served)\).*-P protocol="):
        check_one_protocol(rows)
    assert [rank for rank, _ in ranked(rows)] == [1, 1], "each is the first of its own protocol"
    check_one_protocol(rows[:1])


def test_unknown_suites_metrics_and_faults_are_left_out() -> None:
    run, name, report = measured("odd", 50)
    assert entries([(run, name, report)], "pass", ["python"]) == []
    assert entries([(run, name, report)], "tests") == []
    faulty = replace(report.suites["rust"].outcomes["rust/0"][0], status="infrastructure")
    outcomes = {**report.suites["rust"].outcomes, "rust/0": (faulty,)}
    broken = replace(report, suites={"rust": replace(report.suites["rust"], outcomes=outcomes)})
    assert entries([(run, name, broken)], "pass") == []


def test_page_and_csv_hold_the_same_rows_and_names_are_escaped() -> None:
    rows = entries([("r", '<b>, "x"', measured("w", 30)[2])], "pass")
    header, line = csv.reader(io.StringIO(as_csv(rows)))
    assert header == list(COLUMNS)
    assert (line[3], line[5]) == ('<b>, "x"', "30.0")
    page = as_html(rows)
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
