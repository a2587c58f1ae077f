import math
import re
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.profile import load
from rustml.profile.gates import Thresholds
from rustml.release.gates import Decision, decide, encode

Make = Callable[..., Evaluation]
replace = msgspec.structs.replace


def right(passed: int, items: int) -> list[bool]:
    return [number < passed for number in range(items)]


def shifted(outcomes: list[bool], losses: int, gains: int) -> list[bool]:
    """The same items with the first `losses` right ones lost and the first `gains` wrong ones gained."""
    changed = list(outcomes)
    for number in [n for n, passed in enumerate(outcomes) if passed][:losses]:
        changed[number] = False
    for number in [n for n, passed in enumerate(outcomes) if not passed][:gains]:
        changed[number] = True
    return changed


@pytest.fixture
def base(evaluation: Make) -> Evaluation:
    return evaluation("base", rust=right(20, 200), python=right(400, 500))


@pytest.fixture
def tuned(evaluation: Make) -> Evaluation:
    return evaluation("tuned", rust=right(150, 200), python=right(402, 500))


def with_suite(given: Evaluation, name: str, **changes: Any) -> Evaluation:
    changed = replace(given, suites={**given.suites, name: replace(given.suites[name], **changes)})
    return replace(changed, recorded=changed.metrics())


def test_a_gain_without_loss_passes_and_says_what_was_shown(
    tuned: Evaluation, base: Evaluation, thresholds: Thresholds
) -> None:
    decision = decide(tuned, base, thresholds)
    assert decision.passed
    assert [finding.rule for finding in decision.findings] == [
        "retention (pooled)",
        "retention python",
        "rust.compile",
        "rust.pass",
    ]
    assert len(decision.reasons) == 4
    assert "10.0 -> 75.0, +65.0 points" in decision.reasons[-1]


def test_the_decision_names_the_weights_and_reports_it_was_made_from(
    tuned: Evaluation, base: Evaluation, thresholds: Thresholds
) -> None:
    decision = decide(tuned, base, thresholds)
    assert (decision.candidate_weights, decision.baseline_weights) == ("tuned", "base")
    assert (decision.candidate_report, decision.baseline_report) == (tuned.digest, base.digest)


def test_a_decision_is_reproduced_to_the_byte(tuned: Evaluation, base: Evaluation, thresholds: Thresholds) -> None:
    first, second = decide(tuned, base, thresholds), decide(tuned, base, thresholds)
    assert encode(first) == encode(second)
    assert msgspec.json.decode(encode(first), type=Decision) == first


@pytest.mark.parametrize("gains", [0, 5, 15])
def test_the_published_regression_is_refused(evaluation: Make, thresholds: Thresholds, gains: int) -> None:
    """HumanEval 0.628 -> 0.555 and MBPP 0.658 -> 0.656: however the unknown pairs fell, the loss shows."""
    humaneval, mbpp = right(103, 164), right(329, 500)
    before = evaluation("before", rust=right(57, 158), humaneval=humaneval, mbpp=mbpp)
    after = evaluation(
        "after",
        rust=right(100, 158),
        humaneval=shifted(humaneval, 12 + gains, gains),
        mbpp=shifted(mbpp, 1 + gains, gains),
    )
    assert after.metrics()["retention.humaneval.pass_at_1"] == pytest.approx(0.555, abs=5e-4)
    assert after.metrics()["retention.mbpp.pass_at_1"] == pytest.approx(0.656)
    decision = decide(after, before, thresholds)
    assert not decision.passed
    assert any(reason.startswith("retention humaneval: 62.8 -> 55.5") for reason in decision.reasons)


def test_an_unchanged_model_is_certified_at_664_items_and_not_at_100(evaluation: Make, thresholds: Thresholds) -> None:
    quiet = replace(thresholds, rise=())

    def outcome(humaneval: int, mbpp: int) -> bool:
        sides = [
            evaluation(name, rust=right(5, 9), humaneval=right(humaneval // 2, humaneval), mbpp=right(mbpp // 2, mbpp))
            for name in ("after", "before")
        ]
        return decide(*sides, quiet).passed

    assert outcome(164, 500)
    assert not outcome(40, 60)


def test_retention_at_the_margin_itself_is_refused(tuned: Evaluation, base: Evaluation, thresholds: Thresholds) -> None:
    """The bound must lie above minus the margin: equality passes nothing."""
    comparison = decide(tuned, base, thresholds).findings[1].comparison
    assert comparison is not None
    exact, looser = -comparison.low, np.nextafter(-comparison.low, 1)
    assert not decide(tuned, base, replace(thresholds, retention_suite_margin=exact)).passed
    assert decide(tuned, base, replace(thresholds, retention_suite_margin=looser)).passed
    assert not decide(tuned, base, replace(thresholds, retention_pooled_margin=exact)).passed
    assert decide(tuned, base, replace(thresholds, retention_pooled_margin=looser)).passed


def test_an_observed_loss_beyond_the_point_margin_is_refused_however_wide_the_others(
    evaluation: Make, thresholds: Thresholds
) -> None:
    wide = replace(thresholds, retention_pooled_margin=0.5, retention_suite_margin=0.5)
    before = evaluation("before", rust=right(20, 200), python=right(400, 500))

    def after(losses: int) -> Evaluation:
        return evaluation("after", rust=right(150, 200), python=right(400 - losses, 500))

    assert decide(after(10), before, wide).passed
    refused = decide(after(11), before, wide)
    assert [reason.split(":")[0] for reason in refused.reasons] == ["retention (pooled)", "retention python"]


def test_one_bad_suite_is_not_outweighed_by_a_good_one(evaluation: Make, thresholds: Thresholds) -> None:
    before = evaluation("before", rust=right(20, 200), humaneval=right(100, 164), mbpp=right(300, 500))
    after = evaluation("after", rust=right(150, 200), humaneval=right(88, 164), mbpp=right(380, 500))
    decision = decide(after, before, thresholds)
    assert [reason.split(":")[0] for reason in decision.reasons] == ["retention humaneval"]


@pytest.mark.parametrize(("gains", "passes"), [(0, False), (5, False), (8, True)])
def test_a_rise_needs_a_lower_bound_above_zero(
    evaluation: Make, thresholds: Thresholds, gains: int, passes: bool
) -> None:
    before = evaluation("before", rust=right(100, 200), python=right(400, 500))
    after = evaluation("after", rust=right(100 + gains, 200), python=right(400, 500))
    assert decide(after, before, thresholds).passed is passes


def test_without_require_gain_a_measure_only_must_not_fall(evaluation: Make, thresholds: Thresholds) -> None:
    before = evaluation("before", rust=right(100, 200), python=right(400, 500))
    same = evaluation("after", rust=right(100, 200), python=right(400, 500))
    worse = evaluation("after", rust=right(90, 200), python=right(400, 500))
    lenient = replace(thresholds, require_gain=False)
    assert not decide(same, before, thresholds).passed
    assert decide(same, before, lenient).passed
    assert not decide(worse, before, lenient).passed


def test_sampled_items_are_clusters(evaluation: Make, thresholds: Thresholds) -> None:
    """Seven items gained in all four samples weigh as seven, not as twenty-eight."""
    gate = replace(thresholds, rise=("rust_sampled.pass",), hold=("rust.pass",))

    def sampled(weights: str, gained: int, samples: int) -> Evaluation:
        drawn = [[passed] * samples for passed in right(100 + gained, 200)]
        return evaluation(weights, rust=right(100, 200), rust_sampled=drawn, python=right(400, 500))

    once = decide(sampled("a", 5, 1), sampled("b", 0, 1), gate)
    fourfold = decide(sampled("a", 5, 4), sampled("b", 0, 4), gate)
    assert once.findings[2].comparison == fourfold.findings[2].comparison
    assert not fourfold.passed


def test_equal_weights_are_nothing_to_decide(tuned: Evaluation, thresholds: Thresholds) -> None:
    assert "same weights" in decide(tuned, tuned, thresholds).reasons[0]


FAULTY = Outcome(status="infrastructure", compiles=None, clippy_clean=None, lints=(), errors=(), characters=0)


@pytest.mark.parametrize("side", ["candidate", "baseline"])
@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (
            lambda e: with_suite(e, "rust", outcomes={**e.suites["rust"].outcomes, "rust/3": (FAULTY,)}),
            "1 infrastructure",
        ),
        (lambda e: with_suite(e, "python", contaminated=("python/7",)), "contaminated, such as python/7"),
        (lambda e: with_suite(e, "rust", protocol={"engine": "vllm", "data": "rust"}), "protocols differ in engine"),
        (lambda e: with_suite(e, "rust", protocol={"data": "rust"}), "protocols differ in engine"),
        (lambda e: with_suite(e, "python", group="rust"), "no retention suite"),
        (lambda e: replace(e, suites={"python": e.suites["python"]}), "suite rust was not evaluated"),
        (lambda e: replace(e, suites={"rust": e.suites["rust"]}), "suite python was not evaluated"),
        (lambda e: replace(e, suites={}), "no retention suite"),
        (lambda e: replace(e, recorded={**e.recorded, "rust.pass_rate": math.nan}), "rust.pass_rate is nan"),
        (lambda e: replace(e, recorded={**e.recorded, "rust.pass_rate": math.inf}), "rust.pass_rate is inf"),
        (lambda e: replace(e, recorded={**e.recorded, "rust.pass_rate": 0.99}), "does not follow from the outcomes"),
        (lambda e: replace(e, recorded={**e.recorded, "made.up": 0.5}), "does not follow from the outcomes"),
        (lambda e: replace(e, recorded={}), "metric retention.python.items is missing"),
        (lambda e: replace(e, weights_digest=""), "names no weights"),
    ],
)
def test_faulty_evidence_is_refused_before_any_number_is_compared(
    tuned: Evaluation,
    base: Evaluation,
    thresholds: Thresholds,
    side: str,
    spoil: Callable[[Evaluation], Evaluation],
    reason: str,
) -> None:
    given = (spoil(tuned), base) if side == "candidate" else (tuned, spoil(base))
    decision = decide(*given, thresholds)
    assert not decision.passed
    assert all(finding.comparison is None for finding in decision.findings)
    assert any(re.search(reason, text) for text in decision.reasons), decision.reasons


def test_items_that_are_not_the_same_are_not_paired(
    tuned: Evaluation, base: Evaluation, thresholds: Thresholds
) -> None:
    outcomes = dict(base.suites["rust"].outcomes)
    outcomes["rust/other"] = outcomes.pop("rust/0")
    decision = decide(tuned, with_suite(base, "rust", outcomes=outcomes), thresholds)
    assert decision.reasons == ("rust: 2 items are not paired, such as rust/0",)


def test_unequal_numbers_of_samples_are_not_paired(evaluation: Make, thresholds: Thresholds) -> None:
    sides = [evaluation(w, rust=[[True] * k] * 20, python=right(9, 20)) for w, k in (("a", 4), ("b", 3))]
    assert any("20 items are not paired" in reason for reason in decide(*sides, thresholds).reasons)


def test_an_empty_suite_is_refused(tuned: Evaluation, base: Evaluation, thresholds: Thresholds) -> None:
    emptied = replace(tuned, suites={**tuned.suites, "rust": replace(tuned.suites["rust"], outcomes={})})
    assert any("no outcomes in rust" in reason for reason in decide(emptied, base, thresholds).reasons)
    hollow = replace(tuned.suites["rust"], outcomes={**tuned.suites["rust"].outcomes, "rust/1": ()})
    hollowed = replace(tuned, suites={**tuned.suites, "rust": hollow})
    assert any("no outcomes in rust" in reason for reason in decide(hollowed, base, thresholds).reasons)


@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_better_candidate_is_never_refused_where_a_worse_one_passes(
    evaluation: Make, thresholds: Thresholds, data: st.DataObject
) -> None:
    items = data.draw(st.integers(20, 300))
    before = data.draw(st.lists(st.booleans(), min_size=items, max_size=items))
    worse = data.draw(st.lists(st.booleans(), min_size=items, max_size=items))
    gained = data.draw(st.sets(st.integers(0, items - 1)))
    better = [passed or number in gained for number, passed in enumerate(worse)]
    # The looser gate leaves room for what 1,000 resamples leave to chance.
    fast = replace(thresholds, resamples=1000, rise=("rust.pass",), retention_pooled_margin=0.2)
    fast = replace(fast, retention_suite_margin=0.2, retention_point_margin=0.1)
    base = evaluation("base", rust=before, python=before)
    slack = replace(fast, rise=(), retention_pooled_margin=0.21, retention_suite_margin=0.21)
    if decide(evaluation("worse", rust=worse, python=worse), base, fast).passed:
        assert decide(evaluation("better", rust=better, python=better), base, slack).passed


def false_passes(evaluation: Make, gate: Thresholds, items: int, loss: float, gain: float, runs: int) -> float:
    """How often the gate passes candidates that in truth lose `loss - gain` of retention."""
    random, passed = np.random.default_rng(items), 0
    for _ in range(runs):
        drawn = random.random(items)
        before, after = drawn >= gain, (drawn < gain) | (drawn >= gain + loss)
        sides = [evaluation(w, python=[bool(x) for x in side]) for w, side in (("after", after), ("before", before))]
        passed += decide(*sides, gate).passed
    return passed / runs


@pytest.mark.parametrize(
    ("items", "loss", "gain"),
    [(60, 0.05, 0.0), (164, 0.05, 0.0), (164, 0.10, 0.05), (500, 0.06, 0.01)],
)
def test_a_true_loss_of_the_margin_passes_at_most_one_time_in_twenty(
    evaluation: Make, thresholds: Thresholds, items: int, loss: float, gain: float
) -> None:
    """The point margin is opened, so that the interval alone must hold; 300 runs put 3 standard errors at 3.8%."""
    gate = replace(thresholds, rise=(), resamples=1000, retention_pooled_margin=0.05, retention_point_margin=1.0)
    assert false_passes(evaluation, gate, items, loss, gain, runs=300) <= 0.05


def test_the_published_regression_is_refused_under_the_embedded_profile_too(evaluation: Make) -> None:
    gate = replace(load("tiny").gates["sft"], rise=())
    humaneval, mbpp = right(103, 164), right(329, 500)
    before = evaluation("before", humaneval=humaneval, mbpp=mbpp)
    after = evaluation("after", humaneval=shifted(humaneval, 12, 0), mbpp=shifted(mbpp, 1, 0))
    refused = decide(after, before, gate).reasons
    assert [reason.split(":")[0] for reason in refused] == ["retention humaneval"]


def held_out(weights: str, base: Evaluation, tests: list[float | None]) -> Evaluation:
    """An evaluation with a hold-out suite, whose items have a score `tests` or have none."""
    drawn = [{"exact": 0.0} if value is None else {"exact": 0.0, "tests": value} for value in tests]
    outcomes = {
        f"holdout/{number}": (
            Outcome(status="wrong", compiles=True, clippy_clean=None, lints=(), errors=(), characters=1, scores=scores),
        )
        for number, scores in enumerate(drawn)
    }
    suite = msgspec.structs.replace(
        base.suites["rust"], group="holdout", metric_prefix="holdout.", outcomes=outcomes, tasks={}
    )
    made = msgspec.structs.replace(base, weights_digest=weights, suites={**base.suites, "holdout": suite})
    return replace(made, recorded=made.metrics())


@pytest.mark.parametrize(("gained", "passed"), [(60, True), (2, False)])
def test_a_score_of_the_hold_out_can_be_asked_to_rise(
    base: Evaluation, thresholds: Thresholds, gained: int, passed: bool
) -> None:
    """Items without tests in their crate do not count."""
    gate = msgspec.structs.replace(thresholds, rise=("holdout.tests",))
    before = held_out("before", base, [0.0] * 100 + [None] * 50)
    after = held_out("after", base, [1.0] * gained + [0.0] * (100 - gained) + [None] * 50)
    decision = decide(after, before, gate)
    assert decision.passed == passed
    (finding,) = [finding for finding in decision.findings if finding.rule == "holdout.tests"]
    assert finding.comparison is not None
    assert (finding.comparison.items, finding.comparison.gains) == (100, gained)


def test_a_score_that_one_side_lacks_is_refused_before_any_number_is_compared(
    base: Evaluation, thresholds: Thresholds
) -> None:
    gate = msgspec.structs.replace(thresholds, rise=("holdout.tests",))
    before, after = held_out("before", base, [0.0, 0.0, None]), held_out("after", base, [1.0, None, None])
    decision = decide(after, before, gate)
    assert decision.reasons == ("holdout.tests: 1 items have it on one side only, such as holdout/1",)
    nothing = decide(held_out("after", base, [None]), held_out("before", base, [None]), gate)
    assert nothing.reasons == ("holdout.tests: no item has this metric",)
