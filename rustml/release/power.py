"""What a gate can certify with the items and samples that it will get, known before the step that it judges runs.

A test of non-inferiority refuses a model that lost nothing where it has too few items. The chance of that is told by
drawing evaluations of a candidate whose losses and gains balance, and asking for each what the gate asks.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rustml.errors import ProfileError
from rustml.evaluation.kinds import KINDS, retained
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import Vector, adjusted_wald, effective_samples
from rustml.profile import Profile
from rustml.profile.gates import Thresholds
from rustml.release.ladder import ladder_of, thresholds_of

DIFFERING = 0.12
"""Share of paired answers that differ after an honest fine-tune: the assumption under which power is stated."""
CORRELATION = 0.12
"""Between the differences of two samples of one item: the highest of twelve comparisons of trained `tiny` models."""
RUNS, SEED = 400, 17
ENOUGH = 0.8
"""Power below which the line says what raises it."""


@dataclass(frozen=True)
class Size:
    """How much of a suite is measured."""

    items: int
    samples: int
    """Per item."""


def sizes_of(evaluation: Evaluation) -> dict[str, Size]:
    """Size of each retention suite that was measured."""
    outcomes = {name: evaluation.suites[name].outcomes for name in retained(evaluation.suites)}
    return {name: Size(len(each), min(map(len, each.values()))) for name, each in outcomes.items() if each}


def planned_sizes(profile: Profile) -> dict[str, Size]:
    """Size of each retention suite as far as the profile alone bounds it: by `limit`, and by the count of a family."""
    sizes = {}
    for name in profile.evaluation.lifecycle or tuple(profile.evaluation.suites):
        section = profile.evaluation.suites[name]
        drawn = getattr(profile.bank, section.problems.replace("-", "_"), None)
        bounds = [bound for bound in (section.limit, drawn) if isinstance(bound, int) and bound]
        if KINDS[section.group].retained and bounds:
            sizes[name] = Size(min(bounds), section.samples)
    return sizes


def check_possible(profile: Profile, sizes: Mapping[str, Size]) -> None:
    """Raises ProfileError where a gate on the ladder could not certify even a model none of whose answers changed."""
    for step in ladder_of(profile):
        thresholds = thresholds_of(profile, step.name)
        for name, size in sizes.items():
            bound, margin = unchanged_bound(size.items, thresholds.confidence), thresholds.retention_suite_margin
            needed = needed_items(margin, thresholds.confidence)
            if bound >= margin:
                raise ProfileError(
                    f"gates.{step.name}.retention_suite_margin: suite {name} has {size.items} items. If no answer "
                    f"changed, the bound would lie at -{100 * bound:.1f} points, beyond the margin of "
                    f"{100 * margin:g}: no model can pass. Give the suite at least {needed} items"
                )


def unchanged_bound(items: int, confidence: float) -> float:
    """The loss, as a share, that the adjusted interval leaves possible where no answer of `items` changed."""
    square = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    return square / (items + square)


def needed_items(margin: float, confidence: float) -> int:
    """The fewest items with which an unchanged model passes a margin."""
    square = NormalDist().inv_cdf((1 + confidence) / 2) ** 2
    return int(square * (1 - margin) / margin) + 1


def power(
    sizes: Mapping[str, Size],
    thresholds: Thresholds,
    *,
    loss: float = 0.0,
    differing: float = DIFFERING,
    correlation: float = CORRELATION,
    runs: int = RUNS,
) -> float:
    """The chance that the retention rules pass a candidate that in truth loses the share `loss`, by `runs` drawings.

    `differing` is the share of paired answers that differ, `correlation` that between the differences of two samples of
    an item. The intervals are the adjusted ones, without the bootstrap, which is the shorter of the two.
    """
    random = np.random.default_rng(SEED)
    return sum(_passes(random, sizes.values(), thresholds, loss, differing, correlation) for _ in range(runs)) / runs


def _passes(
    random: np.random.Generator,
    sizes: Collection[Size],
    thresholds: Thresholds,
    loss: float,
    differing: float,
    correlation: float,
) -> bool:
    """Whether one drawn evaluation holds every retention rule."""
    suites = [differences(random, size, loss, differing, correlation) for size in sizes]
    deltas, squares = [suite.mean(axis=1) for suite in suites], [(suite**2).mean(axis=1) for suite in suites]
    counts = [suite.size for suite in suites]
    pooled = (np.concatenate(deltas), np.concatenate(squares), sum(counts), thresholds.retention_pooled_margin)
    alone = zip(deltas, squares, counts, [thresholds.retention_suite_margin] * len(suites), strict=True)
    return all(_non_inferior(*rule, thresholds) for rule in (pooled, *alone))


def _non_inferior(deltas: Vector, squares: Vector, samples: int, margin: float, thresholds: Thresholds) -> bool:
    effective = effective_samples(deltas, squares, samples, confidence=thresholds.confidence)
    interval = adjusted_wald(deltas, confidence=thresholds.confidence, squares=squares, effective=effective)
    return interval.low > -margin and float(deltas.mean()) >= -thresholds.retention_point_margin


def differences(random: np.random.Generator, size: Size, loss: float, differing: float, correlation: float) -> Vector:
    """Differences of paired answers, -1, 0 or 1, of shape (items, samples): losses exceed gains by the share `loss`.

    Each sample takes the item's own draw with the chance √`correlation`, else one of its own.
    """
    losses = (max(differing, loss) + loss) / 2

    def drawn(*shape: int) -> Vector:
        chance = random.random(shape)
        return np.where(chance < losses, -1.0, np.where(chance < 2 * losses - loss, 1.0, 0.0))

    shared = random.random((size.items, size.samples)) < math.sqrt(correlation)
    return np.where(shared, drawn(size.items, 1), drawn(size.items, size.samples))


def told(step: str, sizes: Mapping[str, Size], thresholds: Thresholds) -> str:
    """The line that a lifecycle prints before a step runs."""
    suites = ", ".join(f"{name} {size.items}x{size.samples}" for name, size in sorted(sizes.items()))
    chance = power(sizes, thresholds)
    return (
        f"gate {step}: with these items and samples ({suites}) it can certify a loss below "
        f"{100 * thresholds.retention_pooled_margin:g} points pooled and {100 * thresholds.retention_suite_margin:g} "
        f"per suite with probability {chance:.2f}, if nothing was lost and {100 * DIFFERING:g}% of answers differ"
        + ("" if chance >= ENOUGH else "; more samples per item or more items raise it (docs/gates.md)")
    )
