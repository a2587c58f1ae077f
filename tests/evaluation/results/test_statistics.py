import itertools
import math
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as reference_mcnemar
from statsmodels.stats.proportion import proportion_confint

from rustml.evaluation.results.statistics import (
    Comparison,
    Vector,
    adjusted_wald,
    bootstrap,
    compare,
    mcnemar,
    pass_at_k,
    wilson,
)

Rows = list[tuple[float, float]]

shares = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
pairs = st.lists(st.tuples(shares, shares), min_size=1, max_size=80)


def compared(rows: Rows, seed: int = 1, resamples: int = 500) -> Comparison:
    baseline, candidate = zip(*rows, strict=True)
    return compare({"suite": (baseline, candidate)}, confidence=0.95, resamples=resamples, seed=seed)


@given(st.integers(0, 60), st.integers(0, 60))
def test_mcnemar_agrees_with_statsmodels(losses: int, gains: int) -> None:
    table = [[5, losses], [gains, 5]]
    assert mcnemar(losses, gains) == pytest.approx(reference_mcnemar(table, exact=True).pvalue)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_agrees_with_statsmodels(successes: int, more: int) -> None:
    low, high = proportion_confint(successes, successes + more, method="wilson")
    ours = wilson(successes, successes + more)
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 4), (5, 4)])
def test_wilson_refuses_what_is_no_proportion(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes"):
        wilson(successes, trials)


@given(st.integers(1, 9), st.data())
def test_pass_at_k_equals_enumeration_of_all_draws(samples: int, data: st.DataObject) -> None:
    passed = data.draw(st.integers(0, samples))
    k = data.draw(st.integers(1, samples))
    drawn = list(itertools.combinations([True] * passed + [False] * (samples - passed), k))
    assert pass_at_k(samples, passed, k) == pytest.approx(sum(map(any, drawn)) / len(drawn))


@pytest.mark.parametrize(("samples", "passed", "k"), [(4, 5, 1), (4, 2, 5), (4, 2, 0), (0, 0, 1), (4, -1, 1)])
def test_pass_at_k_refuses_the_impossible(samples: int, passed: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@"):
        pass_at_k(samples, passed, k)


def test_bootstrap_agrees_with_scipy() -> None:
    random = np.random.default_rng(3)
    baseline, candidate = random.random(300) < 0.5, random.random(300) < 0.6
    deltas = candidate.astype(float) - baseline.astype(float)
    theirs = stats.bootstrap(
        (deltas,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    ours = bootstrap([deltas], confidence=0.95, resamples=20_000, seed=7)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_bootstrap_of_many_distinct_values_follows_the_same_law() -> None:
    deltas = np.random.default_rng(4).normal(0.1, 0.2, 400).clip(-1, 1)
    ours = bootstrap([deltas], confidence=0.95, resamples=10_000, seed=7)
    half = 1.96 * deltas.std() / math.sqrt(400)
    assert (ours.low, ours.high) == pytest.approx((deltas.mean() - half, deltas.mean() + half), abs=0.002)


@given(pairs)
@settings(max_examples=60)
def test_the_delta_lies_in_its_bounds_and_counts_add_up(rows: Rows) -> None:
    comparison = compared(rows)
    assert comparison.low <= comparison.delta + 1e-9
    assert comparison.bootstrap.high >= comparison.delta - 1e-9 or comparison.items < 5
    assert comparison.losses + comparison.gains == sum(before != after for before, after in rows)
    assert comparison.delta == pytest.approx(comparison.candidate - comparison.baseline)
    assert -1 <= comparison.bootstrap.low <= comparison.bootstrap.high <= 1


@given(pairs, st.randoms())
@settings(max_examples=40)
def test_the_order_of_items_does_not_matter(rows: Rows, random: Random) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert compared(rows) == compared(shuffled)


@given(pairs)
@settings(max_examples=40)
def test_a_swap_of_sides_mirrors_delta_and_adjusted_interval(rows: Rows) -> None:
    there, back = compared(rows), compared([(after, before) for before, after in rows])
    assert there.delta == pytest.approx(-back.delta)
    assert there.adjusted.low == pytest.approx(-back.adjusted.high)
    assert (there.losses, there.gains, there.mcnemar_p) == (back.gains, back.losses, back.mcnemar_p)


def test_equal_sides_are_not_certain_to_be_equal() -> None:
    comparison = compared([(1.0, 1.0)] * 164)
    assert comparison.bootstrap.low == 0
    z_squared = stats.norm.ppf(0.975) ** 2
    assert comparison.low == pytest.approx(-z_squared / (164 + z_squared))


def test_ten_percent_discordant_pairs_at_164_give_the_documented_half_width() -> None:
    rows = [(1.0, 0.0)] * 8 + [(0.0, 1.0)] * 8 + [(1.0, 1.0)] * 148
    comparison = compared(rows, resamples=10_000)
    assert (comparison.bootstrap.high - comparison.bootstrap.low) / 2 == pytest.approx(0.048, abs=0.002)


def test_strata_are_resampled_within_themselves() -> None:
    """Between-suite variance must not widen a pooled interval: each suite is constant, so the mean cannot move."""
    zeros, ones = [0.0] * 50, [1.0] * 50
    comparison = compare({"a": (zeros, ones), "b": (ones, ones)}, confidence=0.95, resamples=200, seed=1)
    assert (comparison.bootstrap.low, comparison.delta, comparison.bootstrap.high) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize(
    ("baseline", "candidate"), [([], []), ([1.0], []), ([math.nan], [1.0]), ([0.5], [1.5]), ([-0.1], [0.0])]
)
def test_outcomes_that_are_none_are_refused(baseline: list[float], candidate: list[float]) -> None:
    with pytest.raises(ValueError, match=r"compare|paired|outcome"):
        compare({"suite": (baseline, candidate)}, confidence=0.95, resamples=10, seed=1)


def draw(random: np.random.Generator, items: int, loss: float, gain: float, runs: int) -> Vector:
    """Item deltas of `runs` simulated evaluations with the given chances of a loss and of a gain."""
    return random.choice([-1.0, 0.0, 1.0], p=[loss, 1 - loss - gain, gain], size=(runs, items))


@pytest.mark.parametrize(("items", "loss", "gain"), [(164, 0.05, 0.05), (500, 0.08, 0.05), (220, 0.03, 0.10)])
def test_the_intervals_cover_the_true_delta(items: int, loss: float, gain: float) -> None:
    runs, truth = 400, gain - loss
    simulated = draw(np.random.default_rng(items), items, loss, gain, runs)
    intervals = [bootstrap([deltas], confidence=0.95, resamples=1000, seed=1) for deltas in simulated]
    covered = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    adjusted = [adjusted_wald(deltas, confidence=0.95) for deltas in simulated]
    adjusted_covered = np.mean([interval.low <= truth <= interval.high for interval in adjusted])
    assert 0.91 <= covered <= 0.985
    assert adjusted_covered >= 0.92


def test_items_are_the_clusters_of_their_samples() -> None:
    """Four equal samples an item carry the information of one; treating them as independent would halve the width."""
    random = np.random.default_rng(11)
    single = random.choice([-1.0, 0.0, 1.0], p=[0.1, 0.8, 0.1], size=200)
    fourfold = np.stack([single] * 4).mean(axis=0)
    one = bootstrap([single], confidence=0.95, resamples=4000, seed=2)
    four = bootstrap([fourfold], confidence=0.95, resamples=4000, seed=2)
    assert one == four
