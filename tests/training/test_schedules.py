"""Learning rates: a warm-up that begins above 0, then what the kind says; and lengths in steps or epochs."""

import math

import msgspec
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from rustml.profile.optimizer import (
    ConstantSection,
    CosineSection,
    LinearSection,
    ScheduleSection,
    WarmupStableDecaySection,
)
from rustml.training.schedules import rate_share, schedule, total_steps

KINDS = {
    "constant": ConstantSection,
    "linear": LinearSection,
    "cosine": CosineSection,
    "warmup_stable_decay": WarmupStableDecaySection,
}


def section_of(kind: str, warmup: int, decay: float = 0.5) -> ScheduleSection:
    given_keys = {"decay_share": decay} if kind == "warmup_stable_decay" else {}
    return KINDS[kind](warmup_steps=warmup, **given_keys)


@pytest.mark.parametrize("kind", sorted(KINDS))
@given(steps=st.integers(1, 300), warmup=st.integers(0, 40), decay=st.floats(0, 1))
def test_rates_rise_over_the_warm_up_and_never_after_it(kind: str, steps: int, warmup: int, decay: float) -> None:
    share = rate_share(section_of(kind, warmup, decay), steps)
    rates = [share(step) for step in range(steps)]
    assert all(0 < rate <= 1 for rate in rates), "no step is taken for nothing"
    if warmup:
        assert rates[0] == 1 / warmup
    rising, falling = rates[:warmup], rates[warmup:]
    assert rising == sorted(rising)
    assert falling == sorted(falling, reverse=True)
    if steps > warmup and kind != "constant" and (kind != "warmup_stable_decay" or decay > 0):
        assert share(steps) == pytest.approx(0, abs=1e-12)


def test_kinds_differ_after_the_warm_up() -> None:
    halfway = {kind: rate_share(section_of(kind, 0), 100)(75) for kind in KINDS}
    assert halfway == pytest.approx(
        {"constant": 1.0, "linear": 0.25, "cosine": (1 - math.cos(math.pi / 4)) / 2, "warmup_stable_decay": 0.5}
    )


def test_a_cosine_ends_at_its_lowest_share() -> None:
    share = rate_share(CosineSection(lowest_share=0.1), 100)
    assert (share(0), share(100)) == pytest.approx((1.0, 0.1))


def test_a_share_of_warm_up_is_rounded_to_steps() -> None:
    by_share, by_steps = (
        rate_share(ConstantSection(warmup_share=0.1), 50),
        rate_share(ConstantSection(warmup_steps=5), 50),
    )
    assert [by_share(step) for step in range(50)] == [by_steps(step) for step in range(50)]


def test_a_warm_up_given_twice_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="not both"):
        msgspec.convert({"kind": "constant", "warmup_steps": 1, "warmup_share": 0.1}, ConstantSection)


def test_a_scheduler_scales_every_group() -> None:
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(2)]
    optimizer = torch.optim.SGD([{"params": weights[:1], "lr": 1.0}, {"params": weights[1:], "lr": 2.0}])
    rates = schedule(optimizer, LinearSection(), 4)
    seen = []
    for _ in range(4):
        seen.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        rates.step()
    assert seen == [[1.0, 2.0], [0.75, 1.5], [0.5, 1.0], [0.25, 0.5]]


@pytest.mark.parametrize(
    ("steps", "epochs", "expected"), [(7, None, 7), (None, 2.0, 20), (None, 0.55, 6), (None, 0.01, 1)]
)
def test_a_length_is_steps_or_epochs_rounded_up(steps: int | None, epochs: float | None, expected: int) -> None:
    assert total_steps(steps, epochs, steps_per_epoch=10) == expected
