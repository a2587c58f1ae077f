from pathlib import Path

import pytest
from matplotlib import image

from rustml.evaluation.report.plots import draw_evaluation, draw_pairs, rate_with_interval
from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult


def suite(passed: list[list[bool]], group: str = "rust") -> SuiteResult:
    def outcome(right: bool) -> Outcome:
        return Outcome(
            status="passed" if right else "wrong",
            compiles=True,
            clippy_clean=right,
            lints=(),
            errors=(),
            characters=50 + right,
        )

    return SuiteResult(
        group=group,  # type: ignore[arg-type]
        metric_prefix="x.",
        protocol={},
        outcomes={str(number): tuple(map(outcome, drawn)) for number, drawn in enumerate(passed)},
        contaminated=(),
        excluded={},
        seconds={},
    )


def made(*rights: int) -> Evaluation:
    return Evaluation(
        model="m",
        weights_digest=str(rights),
        suites={
            "rust": suite([[n < rights[0]] for n in range(20)]),
            "python": suite([[n < rights[1]] for n in range(20)], "retention"),
        },
        recorded={},
    )


def test_figures_are_written_and_not_blank(tmp_path: Path) -> None:
    drawn = [*draw_evaluation(made(4, 20), tmp_path), draw_pairs(made(4, 20), made(12, 0), tmp_path / "pairs.png")]
    names = {"rates", "failures-rust", "lengths-rust", "failures-python", "lengths-python", "pairs"}
    assert {path.stem for path in drawn} == names
    for path in drawn:
        pixels = image.imread(path)
        assert pixels.min() < 0.5 < pixels.max(), path.name


def test_the_interval_of_sampled_items_counts_items() -> None:
    fourfold = suite([[True, True, False, False]] * 40)
    rate, interval = rate_with_interval(fourfold, "pass")
    assert rate == 0.5
    assert interval.high - interval.low == pytest.approx(0.295, abs=0.01)
