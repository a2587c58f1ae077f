"""Ends a reinforcement learning that has gone wrong, with the sign that said so."""

import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from transformers import TrainerState

from rustml.errors import RustmlError
from rustml.profile.grpo import HealthSection
from rustml.training.callback import Callback

Sign = tuple[str, str, float, Callable[[float, float], bool]]
"""Key of the profile, metric of the trainer, threshold, and how the metric compares where it is a bad sign."""


class HealthStop(Callback):
    """Raises RustmlError once a sign has lasted for so many logged points in a row as the profile allows."""

    def __init__(self, section: HealthSection) -> None:
        self._section = section
        self._lasted: Counter[str] = Counter()

    def at_log(self, state: TrainerState, metrics: Mapping[str, Any]) -> None:
        """Count the signs of this point."""
        for key, metric, threshold, is_bad in self._signs():
            value = metrics.get(metric)
            if value is None:
                continue
            self._lasted[key] = self._lasted[key] + 1 if is_bad(float(value), threshold) else 0
            if self._lasted[key] >= self._section.steps:
                raise RustmlError(
                    f"grpo ended at step {state.global_step}: {metric} was {float(value):.3g}, past its threshold for "
                    f"{self._section.steps} logged points (grpo.health.{key}: {threshold:g}); no version is registered"
                )

    def _signs(self) -> Iterator[Sign]:
        section = self._section
        yield "zero_variance_share", "frac_reward_zero_std", section.zero_variance_share, operator.gt
        yield "min_entropy", "entropy", section.min_entropy, operator.lt
        yield "clip_ratio", "clip_ratio/region_mean", section.clip_ratio, operator.gt
