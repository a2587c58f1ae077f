"""Learning rates over the steps of a training, and how many steps a training has."""

import math
from collections.abc import Callable

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from rustml.profile.optimizer import (
    ConstantSection,
    CosineSection,
    LinearSection,
    ScheduleSection,
    WarmupStableDecaySection,
)

Share = Callable[[int], float]
"""Takes a step, counted from 0, and returns the share of the full learning rate that it is taken with."""


def total_steps(steps: int | None, epochs: float | None, steps_per_epoch: int) -> int:
    """The length of a training in steps: as given, or the epochs rounded up to whole steps."""
    if steps is not None:
        return steps
    assert epochs is not None, "checked with the profile"
    return max(1, math.ceil(epochs * steps_per_epoch))


def schedule(optimizer: Optimizer, section: ScheduleSection, steps: int) -> LambdaLR:
    """A scheduler that scales the rates of all parameter groups over `steps` steps."""
    return LambdaLR(optimizer, rate_share(section, steps))


def rate_share(section: ScheduleSection, steps: int) -> Share:
    """The share of the full rate per step: a linear warm-up, then what the section says.

    Unlike transformers' schedulers the warm-up does not begin at 0: the first step has the rate 1 / warm-up steps.
    """
    warmup = section.warmup_steps or round(section.warmup_share * steps)
    after = _after_warmup(section, warmup, steps)
    return lambda step: (step + 1) / warmup if step < warmup else after(step)


def _after_warmup(section: ScheduleSection, warmup: int, steps: int) -> Share:
    match section:
        case ConstantSection():
            return lambda _: 1.0
        case LinearSection():
            return lambda step: _remaining(step, warmup, steps)
        case CosineSection(lowest_share=lowest):
            return lambda step: lowest + (1 - lowest) * (1 - math.cos(math.pi * _remaining(step, warmup, steps))) / 2
        case WarmupStableDecaySection(decay_share=decay):
            start = steps * (1 - decay)
            return lambda step: 1.0 if step < start else _remaining(step, start, steps)


def _remaining(step: int, start: float, steps: int) -> float:
    """The share of the steps from `start` to `steps` that is still to come at `step`."""
    return max(0.0, (steps - step) / max(steps - start, 1))
