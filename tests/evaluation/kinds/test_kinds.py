"""The table of suite kinds and the registry of metrics fit each other and the profile."""

from typing import get_args

import msgspec
import pytest

from rustml.evaluation.kinds import KINDS, made_from_pairs, metrics_of, retained
from rustml.evaluation.metrics import METRICS
from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile import load
from rustml.profile.evaluation import Group


def outcome(status: str = "passed", **scores: float) -> Outcome:
    return Outcome(
        status=status,  # type: ignore[arg-type]
        compiles=status == "passed",
        clippy_clean=None,
        lints=(),
        errors=(),
        characters=1,
        scores=scores,
    )


def result(group: Group, **outcomes: tuple[Outcome, ...]) -> SuiteResult:
    return SuiteResult(
        group=group,
        metric_prefix="x.",
        protocol={},
        outcomes=outcomes,
        contaminated=(),
        excluded={"no_crate_source": 2},
        seconds={"judge": 0.5},
    )


def test_a_profile_may_name_each_kind_and_no_other() -> None:
    assert set(get_args(Group)) == KINDS.keys()


@pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))
def test_a_kind_is_measured_and_drawn_by_metrics_of_the_registry(kind: object) -> None:
    assert set(kind.drawn) <= set(kind.metrics) <= METRICS.keys()  # type: ignore[attr-defined]


def test_suites_that_gates_retain_and_suites_made_of_pairs_are_told_by_their_kind() -> None:
    suites = load("tiny").evaluation.suites
    assert retained(suites) == ["python"]
    assert made_from_pairs(suites) == ("holdout",)
    assert made_from_pairs(suites, ["rust"]) == ()


def test_counts_exclusions_and_seconds_stand_beside_the_kinds_metrics() -> None:
    metrics = metrics_of(result("retention", a=(outcome(),), b=(outcome("wrong"),)))
    assert metrics == {
        "x.format_rate": 1.0,
        "x.pass_at_1": 0.5,
        "x.items": 2.0,
        "x.faults": 0.0,
        "x.contaminated": 0.0,
        "x.excluded_no_crate_source": 2.0,
        "x.seconds_judge": 0.5,
    }


def test_a_metric_of_a_hold_out_answer_is_its_score_in_place_and_absent_where_it_has_none() -> None:
    held = result("holdout", placed=(outcome(exact=0.0, compile=0.0),), text=(outcome(exact=1.0),))
    assert held.values("compile") == {"placed": 0.0}, "the verdict says that both compile"
    assert held.values("exact") == {"placed": 0.0, "text": 1.0}
    assert result("rust", a=(outcome(), outcome("wrong"))).values("compile") == {"a": 0.5}


def test_a_table_column_per_retention_suite_whatever_its_name() -> None:
    kind = KINDS["retention"]
    assert kind.columns("humaneval", result("retention", a=(outcome(),))) == {"humaneval": "x.pass_at_1"}


def test_an_untested_suite_has_compile_lints_and_style() -> None:
    clean = outcome("untested", compile=1.0, clippy=1.0, documentation=1.0, idiom=0.5)
    first = msgspec.structs.replace(clean, compiles=True, clippy_clean=True)
    second = msgspec.structs.replace(
        outcome("untested", compile=1.0, clippy=0.0, documentation=0.0, idiom=0.0),
        compiles=True,
        clippy_clean=False,
        lint_count=3,
    )
    broken = outcome("compile_error", compile=0.0, clippy=0.0)
    metrics = metrics_of(result("untested", a=(first,), b=(second,), c=(broken,)))
    assert (metrics["x.compile_rate"], metrics["x.clippy_clean_of_compiling"]) == (pytest.approx(2 / 3), 0.5)
    assert (metrics["x.mean_lints"], metrics["x.documentation_mean"], metrics["x.idiom_mean"]) == (1.5, 0.5, 0.25)
