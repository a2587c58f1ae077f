"""Per-task measures: which one speaks for a task, and that it is reported and drawn."""

from pathlib import Path

import pytest
from matplotlib import image
from matplotlib.figure import Figure

from rustml.evaluation.kinds import metrics_of
from rustml.evaluation.report import plots
from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.evaluation.scoring.per_task_scores import scores
from rustml.records import Problem
from rustml.tasks import TASKS
from rustml.testing import make_verdict
from tests.support.problems import make_problem


def outcome(**scores: float) -> Outcome:
    return Outcome(
        status="passed", compiles=True, clippy_clean=True, lints=(), errors=(), characters=9, scores=dict(scores)
    )


def held(**items: tuple[str, Outcome]) -> SuiteResult:
    return SuiteResult(
        group="holdout",
        metric_prefix="holdout.",
        protocol={},
        outcomes={name: (result,) for name, (_, result) in items.items()},
        contaminated=(),
        excluded={},
        seconds={},
        tasks={name: task for name, (task, _) in items.items()},
    )


PASSED = make_verdict("p#0", "passed", clippy_clean=True)
SUITE = held(
    a=("completion", outcome(exact=1.0, edit=1.0, syntax=1.0)),
    b=("completion", outcome(exact=0.0, edit=0.2, syntax=0.5)),
    c=("sig_doc_impl", outcome(exact=0.0, edit=0.9, syntax=0.9, compile=1.0, clippy=0.0, tests=0.0)),
    d=("sig_doc_impl", outcome(exact=0.0, edit=0.9, syntax=0.9)),
    e=("test_generation", outcome(exact=0.0, edit=0.1, syntax=0.1, compile=1.0, clippy=1.0)),
)


def test_every_task_of_the_mix_has_a_measure_that_its_answers_can_have() -> None:
    for name, task in TASKS.items():
        assert task.headline in scores(problem(name), "fn f() {}", PASSED), name


def test_an_anchor_is_scored_by_its_text_alone() -> None:
    anchor = problem("sig_doc_impl")
    anchor.tags.update(task="anchor_code", inplace="text_only")
    assert scores(anchor, "fn f() {}", PASSED) == {
        "exact": 1.0,
        "edit": 1.0,
        "syntax": 1.0,
    }


def problem(task: str) -> Problem:
    inplace = "compile" if TASKS[task].headline != "tests" else "tests"
    return make_problem("p", bank="holdout", tests="", tags={"task": task, "inplace": inplace})


def test_the_principal_measure_is_over_the_items_that_have_it_and_says_how_many() -> None:
    metrics = metrics_of(SUITE)
    assert (metrics["holdout.completion.principal"], metrics["holdout.completion.principal_items"]) == (0.75, 2)
    assert (metrics["holdout.sig_doc_impl.principal"], metrics["holdout.sig_doc_impl.principal_items"]) == (0.0, 1)
    assert metrics["holdout.sig_doc_impl.items"] == 2


def test_a_task_whose_principal_measure_no_item_has_reports_none() -> None:
    metrics = metrics_of(SUITE)
    assert "holdout.test_generation.principal" not in metrics
    assert metrics["holdout.test_generation.principal_items"] == 0


def test_a_task_that_is_not_known_has_its_measures_and_no_principal_one() -> None:
    metrics = metrics_of(held(a=("riddle", outcome(exact=1.0))))
    assert metrics["holdout.riddle.exact"] == 1.0
    assert "holdout.riddle.principal_items" not in metrics


def test_tasks_are_drawn_with_their_principal_measure_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures: list[Figure] = []

    def keep(figure: Figure, path: Path) -> Path:
        figures.append(figure)
        figure.savefig(path)
        return path

    monkeypatch.setattr(plots, "_save", keep)
    report = Evaluation(model="m", weights_digest="w", suites={"holdout": SUITE}, recorded={})
    drawn = plots.draw_evaluation(report, tmp_path)
    (path,) = [path for path in drawn if path.stem == "tasks-holdout"]
    assert image.imread(path).min() < 0.5
    (axis,) = [axis for figure in figures for axis in figure.axes if "by task" in axis.get_title()]
    assert [label.get_text() for label in axis.get_yticklabels()] == [
        "test_generation (1)",
        "sig_doc_impl (2)",
        "completion (2)",
    ]
    full = sorted(bar.get_width() for bar in axis.patches if bar.get_facecolor()[3] == 1.0)
    assert full == [0.0, 0.75]
    assert len(axis.patches) == 3 + 6 + 5
