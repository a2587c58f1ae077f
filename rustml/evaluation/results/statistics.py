"""Intervals and tests for paired outcomes.

An item is a problem with the outcomes of its samples, each in [0, 1]. Items are the clusters: samples of one item are
not taken for independent; what they are worth is estimated (`effective_samples`). All functions are pure and seeded.
"""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rustml.records import Record

Vector = npt.NDArray[np.float64]
Samples = float | Sequence[float]
"""The outcomes of one item: of its one sample, or sample by sample."""
PRIOR = 0.25
"""Weight of the prior in `effective_samples`, in items per z²."""
RESAMPLES_AT_ONCE = 4_000_000  # indices held in memory while resampling: 32 MB


class Interval(Record, frozen=True):
    """A two-sided confidence interval."""

    low: float
    high: float


class Comparison(Record, frozen=True, omit_defaults=True):
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
    effective: float = 0.0
    """Independent paired samples that would give as short an interval: between the items and all their samples."""

    @property
    def low(self) -> float:
        """The lower bound that gates use: the lesser of the two intervals'."""
        return min(self.bootstrap.low, self.adjusted.low)


def compare(
    strata: Mapping[str, tuple[Sequence[Samples], Sequence[Samples]]], *, confidence: float, resamples: int, seed: int
) -> Comparison:
    """Compare paired outcomes, by stratum (suite) as (baseline, candidate) in the same order of items and samples.

    Items are resampled within their stratum and weigh the same, however many samples they have. Raises ValueError when
    there is nothing to compare, when the two sides of a stratum differ in length, or when an outcome is no number in
    [0, 1].
    """
    pairs = [_pair(name, *sides) for name, sides in sorted(strata.items())]
    if not sum(len(pair.before) for pair in pairs):
        raise ValueError("nothing to compare: no items")
    before, after = (np.concatenate([getattr(pair, side) for pair in pairs]) for side in ("before", "after"))
    deltas = [pair.after - pair.before for pair in pairs]
    joined, squares = np.concatenate(deltas), np.concatenate([pair.squares for pair in pairs])
    losses, gains = int((joined < 0).sum()), int((joined > 0).sum())
    samples = sum(pair.samples for pair in pairs)
    effective = effective_samples(joined, squares, samples, confidence=confidence)
    return Comparison(
        items=len(joined),
        baseline=float(before.mean()),
        candidate=float(after.mean()),
        delta=float(joined.mean()),
        bootstrap=bootstrap(deltas, confidence=confidence, resamples=resamples, seed=seed),
        adjusted=adjusted_wald(joined, confidence=confidence, squares=squares, effective=effective),
        effective=effective,
        losses=losses,
        gains=gains,
        mcnemar_p=mcnemar(losses, gains),
    )


class _Pair(NamedTuple):
    """One stratum: by item the mean outcomes of both sides, and the mean squared difference of its paired samples."""

    before: Vector
    after: Vector
    squares: Vector
    samples: int


def _pair(name: str, baseline: Sequence[Samples], candidate: Sequence[Samples]) -> _Pair:
    if len(baseline) != len(candidate):
        raise ValueError(f"{name}: {len(baseline)} baseline items and {len(candidate)} candidate items are not paired")
    rows = [(_samples(before), _samples(after)) for before, after in zip(baseline, candidate, strict=True)]
    for before, after in rows:
        both = np.concatenate([before, after])
        if not (before.size and after.size and np.all((both >= 0) & (both <= 1))):
            raise ValueError(f"{name}: an outcome is missing, lies outside [0, 1], or is not a number")
    means = np.array([(before.mean(), after.mean()) for before, after in rows], dtype=float).reshape(-1, 2)
    squares = np.array([_mean_square(before, after) for before, after in rows], dtype=float)
    samples = sum(min(before.size, after.size) for before, after in rows)
    return _Pair(means[:, 0], means[:, 1], squares, samples)


def _samples(item: Samples) -> Vector:
    return np.atleast_1d(np.asarray(item, dtype=float))


def _mean_square(before: Vector, after: Vector) -> float:
    """Of sample n of one side less sample n of the other; samples that cannot be paired count as one."""
    if before.size != after.size:
        return float((after.mean() - before.mean()) ** 2)
    return float(((after - before) ** 2).mean())


def effective_samples(deltas: Vector, squares: Vector, samples: int, *, confidence: float) -> float:
    """How many independent paired samples are as good as these: between the number of items and `samples`.

    The ratio of the variance of a sample's difference to that of an item's mean difference, which is the number of
    samples per item over the design effect, as Korn and Graubard use it (Survey Methodology 24, 1998). Both are shrunk
    towards items whose samples all differ alike, by `PRIOR` z² such items, because few differing items say little.
    """
    items = len(deltas)
    prior = PRIOR * NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    centre = float(deltas.mean())
    of_samples = float(squares.sum()) - items * centre * centre
    of_items = float(deltas @ deltas) - items * centre * centre
    return float(np.clip(items * (of_samples + prior) / (of_items + prior), items, samples))


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


def adjusted_wald(
    deltas: Vector, *, confidence: float, squares: Vector | None = None, effective: float = 0.0
) -> Interval:
    """Wald interval of a mean paired difference after adding z²/2 samples at +1 and z²/2 at -1.

    The paired form of Agresti and Coull's interval, in the manner of Agresti and Min (Statistics in Medicine 24, 2005);
    with no differing item among n it gives ±z²/(n + z²), as Tango's score interval does, where the bootstrap gives 0.
    Items of several samples count as `effective` samples, whose squared differences are `squares` by item.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    count, second = effective or len(deltas), deltas**2 if squares is None else squares
    size = count + z * z
    centre = count * float(deltas.mean()) / size
    variance = (count * float(second.mean()) + z * z) / size - centre * centre
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
