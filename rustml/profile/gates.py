"""Profile section of one gate."""

from typing import Annotated

from msgspec import Meta

from rustml.profile.section import Section
from rustml.profile.types import Share

Measure = Annotated[str, Meta(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+\Z")]
"""A suite and a metric of rustml/evaluation/metrics.py: `rust.pass`, `rust_sampled.pass`, `holdout.tests`."""


class Thresholds(Section, frozen=True):
    """The demands of one gate. Every number is a share of items: 0.03 is three points."""

    confidence: Annotated[float, Meta(gt=0.5, lt=1)]
    """Of the two-sided paired interval whose lower bound decides."""
    resamples: Annotated[int, Meta(ge=1000)]
    """Of the bootstrap over items."""
    seed: int
    """Of the bootstrap."""
    retention_pooled_margin: Share
    """The pooled loss on retention suites must be shown to be smaller than this."""
    retention_suite_margin: Share
    """The loss on each retention suite must be shown to be smaller than this."""
    retention_point_margin: Share
    """No observed loss, pooled or on one suite, may be larger than this."""
    rise: tuple[Measure, ...]
    """Metrics whose lower bound must lie above 0."""
    require_gain: bool
    """False: the metrics under `rise` need only hold within `fall_margin`, as those under `hold`."""
    hold: tuple[Measure, ...]
    """Metrics that must be shown not to fall by `fall_margin` or more."""
    fall_margin: Share
    """Margin of the metrics under `hold`."""
    margins: dict[Measure, Share]
    """Margins of single metrics under `hold` in the place of `fall_margin`: `rust.clippy: 0.02`."""
    at_least: dict[Measure, Share]
    """Metrics whose share must be shown to lie above this, independent of the baseline: `rust.compile: 0.9`."""
