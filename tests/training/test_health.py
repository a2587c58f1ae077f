"""Signs of a training that has gone wrong."""

from types import SimpleNamespace

import pytest

from rustml.errors import RustmlError
from rustml.profile.grpo import HealthSection
from rustml.training.health import HealthStop

SECTION = HealthSection(steps=3, zero_variance_share=0.9, min_entropy=0.1, clip_ratio=0.5, fault_share=0.5)
HEALTHY = {"frac_reward_zero_std": 0.2, "entropy": 1.0, "clip_ratio/region_mean": 0.0}
BAD = [("frac_reward_zero_std", 0.95, "zero_variance_share"), ("entropy", 0.01, "min_entropy")]
BAD += [("clip_ratio/region_mean", 0.6, "clip_ratio")]


def logged(stop: HealthStop, *points: dict[str, float]) -> None:
    for step, point in enumerate(points):
        stop.on_log(None, SimpleNamespace(global_step=step), None, point)


@pytest.mark.parametrize(("metric", "value", "key"), BAD)
def test_a_sign_that_lasts_ends_the_training_and_names_its_threshold(metric: str, value: float, key: str) -> None:
    with pytest.raises(RustmlError, match=rf"ended at step 2.*grpo\.health\.{key}"):
        logged(HealthStop(SECTION), *[HEALTHY | {metric: value}] * 3)


@pytest.mark.parametrize(("metric", "value", "key"), BAD)
def test_a_sign_that_goes_away_in_between_ends_nothing(metric: str, value: float, key: str) -> None:  # noqa: ARG001
    bad = HEALTHY | {metric: value}
    logged(HealthStop(SECTION), bad, bad, HEALTHY, bad, bad)


def test_a_point_without_the_metric_counts_for_nothing() -> None:
    logged(HealthStop(SECTION), *[{"loss": 1.0}] * 9)


def test_thresholds_at_their_ends_never_end_a_training() -> None:
    off = HealthSection(steps=1, zero_variance_share=1.0, min_entropy=0.0, clip_ratio=1.0, fault_share=1.0)
    logged(HealthStop(off), {"frac_reward_zero_std": 1.0, "entropy": 0.0, "clip_ratio/region_mean": 1.0})
