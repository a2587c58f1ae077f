"""What a hold-out suite says of itself: what it judges, what not and why, also where that is nothing."""

from rustml.evaluation.kinds import KINDS, metrics_of
from rustml.evaluation.kinds.holdout import INPLACE, TASK
from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.evaluation.suites.account import CURES, Account, account_of
from rustml.judge.in_crate.dependencies import Dependencies, Package
from rustml.records import Problem
from tests.support.problems import make_problem


def problem(number: int, judged: str, task: str = "sig_doc_impl", crate: str = "shop-1.0.0") -> Problem:
    return make_problem(str(number), bank="holdout", tests="", tags={TASK: task, INPLACE: judged, "crate": crate})


def account(*judged: str, **complaints: str) -> Account:
    return account_of([problem(number, word) for number, word in enumerate(judged)], complaints, {})


def metrics(judged: Account) -> dict[str, float]:
    outcome = Outcome(
        status="wrong", compiles=None, clippy_clean=None, lints=(), errors=(), characters=1, scores={"edit": 0.5}
    )
    result = SuiteResult(
        group="holdout",
        metric_prefix="x.",
        protocol={},
        outcomes={"0": (outcome,)},
        contaminated=(),
        excluded=judged.excluded,
        seconds={},
        in_place=judged.counts(),
    )
    return metrics_of(result)


def test_every_pair_that_asks_for_code_is_judged_or_excluded_for_a_reason() -> None:
    made = account("tests", "compile", "not_compiled_here", "a_reason_of_tomorrow")
    assert made.counts() == {"asked": 4, "compile": 2, "tests": 1}
    assert {reason: count for reason, count in made.excluded.items() if count} == {
        "not_compiled_here": 1,
        "a_reason_of_tomorrow": 1,
    }
    assert made.compiled + sum(made.excluded.values()) == made.asked


def test_a_pair_that_asks_for_prose_is_not_counted() -> None:
    made = account_of([problem(0, "text_only", task="docstring_generation"), problem(1, "compile")], {}, {})
    assert made.counts() == {"asked": 1, "compile": 1, "tests": 0}


def test_a_count_of_zero_is_a_metric_as_well() -> None:
    logged = metrics(account("dependency_missing", "dependency_missing"))
    assert (logged["x.in_place_asked"], logged["x.in_place_compile"], logged["x.in_place_tests"]) == (2, 0, 0)
    assert (logged["x.in_place_excluded"], logged["x.in_place_rate"]) == (2, 0)
    assert logged["x.excluded_dependency_missing"] == 2
    assert all(logged[f"x.excluded_{reason}"] == 0 for reason in CURES.keys() - {"dependency_missing"})


def test_no_pair_that_asks_for_code_gives_no_share() -> None:
    logged = metrics(account())
    assert logged["x.in_place_asked"] == 0
    assert "x.in_place_rate" not in logged


def test_the_lifecycles_table_has_what_is_judged_in_place_and_says_of_how_many() -> None:
    counts = account("tests", "compile", "not_compiled_here").counts()
    result = SuiteResult(
        group="holdout", metric_prefix="x.", protocol={}, outcomes={}, contaminated=(), excluded={}, seconds={},
        in_place=counts,
    )  # fmt: skip
    columns = KINDS["holdout"].columns("holdout", result)
    assert columns["holdout judged in place"] == "x.in_place_rate"
    assert columns["holdout compiles"] == "x.compile_rate"
    assert columns["holdout tests pass"] == "x.tests_rate"
    caption = KINDS["holdout"].caption("holdout", result)
    assert caption.startswith("holdout: 3 functions of real crates, from files that no training saw.")
    assert "for 2 of them" in caption
    assert "for 1 the crate's own tests" in caption


def test_the_log_has_the_counts_the_reasons_and_the_crates_by_name() -> None:
    made = account("tests", "dependency_missing", **{"shop-1.0.0": "dependency_missing: coin: no matching package"})
    first, second = made.lines("holdout")
    assert first == (
        "holdout: 2 pairs ask for code; judged in place by the compiler 1, by tests as well 1; excluded 1 "
        "(dependency_missing 1)"
    )
    assert second == "holdout: the pairs of shop-1.0.0 are excluded: dependency_missing: coin: no matching package"


def test_zero_of_many_is_a_warning_with_cause_and_cure_and_anything_else_none() -> None:
    warning = account("no_crate_source", "no_crate_source", "file_changed").warning("holdout")
    assert "none of 3" in warning
    assert "no_crate_source (2)" in warning
    assert CURES["no_crate_source"] in warning
    assert account("compile", "no_crate_source").warning("holdout") == ""
    assert account().warning("holdout") == ""


def test_the_table_has_a_row_for_each_crate_with_what_it_was_built_against() -> None:
    package = Package(name="coin", version="0.3.1", checksum="0" * 64, licence="GPL-3.0")
    brought = {"shop-1.0.0": Dependencies(lock="1" * 64, packages=(package,))}
    problems = [problem(0, "tests"), problem(1, "file_changed"), problem(2, "compile", crate="kiosk-2.0.0")]
    made = account_of(problems, {}, brought)
    assert [row["crate"] for row in made.crates] == ["kiosk-2.0.0", "shop-1.0.0"]
    assert made.crates[1] == {
        "crate": "shop-1.0.0",
        "asked": 2,
        "compile": 1,
        "tests": 1,
        "excluded": "file_changed 1",
        "packages": 1,
        "lock": "1" * 64,
    }
    assert package.use == "read by the compiler, not trained on"
