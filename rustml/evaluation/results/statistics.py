"""Intervals and tests for paired outcomes.

An item is a problem; its outcome is the share of its samples that passed, in [0, 1]. Items are the clusters: samples of
one item are never treated as independent. All functions are pure and seeded.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from rustml.records import Record

Vector = npt.NDArray[np.float64]
RESAMPLES_AT_ONCE = 4_000_000  # indices held in memory while resampling: 32 MB


class Interval(Record, frozen=True):
    """A two-sided confidence interval."""

    low: float
    high: float


class Comparison(Record, frozen=True):
    """A candidate against its baseline on the same items; `delta` is candidate minus baseline."""

    items: int
    baseline: float
    """Mean outcome, in [0, 1]."""
    candidate: float
    delta: float
    bootstrap: Interval
    """Percentile bootstrap over items."""
    adjusted: Interval
    """Adjusted Wald: does not collapse to a point where no item differs."""
    losses: int
    """Items on which the candidate does worse."""
    gains: int
    mcnemar_p: float
    """Exact two-sided McNemar test on losses and gains."""

    @property
    def low(self) -> float:
        """The lower bound that gates use: the lesser of the two intervals'."""
        return min(self.bootstrap.low, self.adjusted.low)


def compare(
    strata: Mapping[str, tuple[Sequence[float], Sequence[float]]], *, confidence: float, resamples: int, seed: int
) -> Comparison:
    """Compare paired outcomes, given by stratum (suite) as (baseline, candidate) in the same item order.

    Items are resampled within their stratum and weigh the same. Raises ValueError when there is nothing to compare,
    when the two sides of a stratum differ in length, or when an outcome is no number in [0, 1].
    """
    pairs = [_pair(name, *sides) for name, sides in sorted(strata.items())]
    if not sum(len(baseline) for baseline, _ in pairs):
        raise ValueError("nothing to compare: no items")
    before, after = (np.concatenate(side) for side in zip(*pairs, strict=True))
    deltas = [candidate - baseline for baseline, candidate in pairs]
    joined = np.concatenate(deltas)
    losses, gains = int((joined < 0).sum()), int((joined > 0).sum())
    return Comparison(
        items=len(joined),
        baseline=float(before.mean()),
        candidate=float(after.mean()),
        delta=float(joined.mean()),
        bootstrap=bootstrap(deltas, confidence=confidence, resamples=resamples, seed=seed),
        adjusted=adjusted_wald(joined, confidence=confidence),
        losses=losses,
        gains=gains,
        mcnemar_p=mcnemar(losses, gains),
    )


def _pair(name: str, baseline: Sequence[float], candidate: Sequence[float]) -> tuple[Vector, Vector]:
    before, after = np.asarray(baseline, dtype=float), np.asarray(candidate, dtype=float)
    if before.shape != after.shape or before.ndim != 1:
        raise ValueError(f"{name}: {before.size} baseline items and {after.size} candidate items are not paired")
    both = np.concatenate([before, after])
    if not np.all((both >= 0) & (both <= 1)):
        raise ValueError(f"{name}: an outcome lies outside [0, 1] or is not a number")
    return before, after


def bootstrap(deltas: Sequence[Vector], *, confidence: float, resamples: int, seed: int) -> Interval:
    """Percentile interval of the mean over all items, resampled with replacement within each stratum."""
    random = np.random.default_rng(seed)
    total = sum(len(stratum) for stratum in deltas)
    sums = np.zeros(resamples)
    for stratum in deltas:
        sums += _resampled_sums(stratum, resamples, random)
    tail = (1 - confidence) / 2
    low, high = np.quantile(sums / total, [tail, 1 - tail])
    return Interval(low=float(low), high=float(high))


def _resampled_sums(values: Vector, resamples: int, random: np.random.Generator) -> Vector:
    """Sums of resamples. Few distinct values are drawn as multinomial counts: the same law, a hundred times faster."""
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= 64:
        draws = random.multinomial(len(values), counts / len(values), size=resamples)
        return np.asarray(draws @ distinct, dtype=float)
    rows = max(1, RESAMPLES_AT_ONCE // len(values))
    starts = range(0, resamples, rows)
    blocks = [random.choice(values, size=(min(rows, resamples - start), len(values))).sum(axis=1) for start in starts]
    return np.concatenate(blocks)


def adjusted_wald(deltas: Vector, *, confidence: float) -> Interval:
    """Wald interval of a mean paired difference after adding z²/2 items at +1 and z²/2 at -1.

    The paired form of Agresti and Coull's interval, in the manner of Agresti and Min (Statistics in Medicine 24, 2005);
    with no differing item among n it gives ±z²/(n + z²), as Tango's score interval does, where the bootstrap gives 0.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    size = len(deltas) + z * z
    centre = float(deltas.sum()) / size
    variance = (float(deltas @ deltas) + z * z) / size - centre * centre
    half = z * math.sqrt(max(variance, 0.0) / size)
    return Interval(low=centre - half, high=centre + half)


def mcnemar(losses: int, gains: int) -> float:
    """Exact two-sided McNemar p-value: a binomial test of losses among the differing items against one half."""
    differing = losses + gains
    tail = sum(math.comb(differing, count) for count in range(min(losses, gains) + 1))
    return min(1.0, 2 * tail / (1 << differing))


def wilson(successes: float, trials: int, *, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion. Raises ValueError without trials."""
    if trials <= 0 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, scale = successes / trials, 1 + z * z / trials
    centre = (share + z * z / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    return Interval(low=max(0.0, centre - half), high=min(1.0, centre + half))


def pass_at_k(samples: int, passed: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples passes: 1 - C(n-c, k) / C(n, k).

    Chen et al., "Evaluating Large Language Models Trained on Code", 2021, equation 1. Raises ValueError when k exceeds
    the samples, or more passed than were drawn.
    """
    if not 1 <= k <= samples or not 0 <= passed <= samples:
        raise ValueError(f"pass@{k} of {passed} passed among {samples} samples")
    return 1.0 - math.comb(samples - passed, k) / math.comb(samples, k)
