"""Step metrics reach the store in few calls, in order, and none is lost."""

import pytest

from rustml.runs import metric_buffer
from rustml.runs.metric_buffer import MetricBuffer, Point


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(metric_buffer.time, "monotonic", lambda: now[0])
    return now


def test_points_wait_until_enough_time_has_passed(clock: list[float]) -> None:
    calls: list[list[Point]] = []
    buffer = MetricBuffer(lambda points: calls.append(list(points)))
    buffer(1, {"loss": 2.0, "rate": 0.1})
    assert not calls
    clock[0] += metric_buffer.MAX_SECONDS + 1
    buffer(2, {"loss": 1.0})
    (points,) = calls
    assert [(name, value, step) for name, value, _, step in points] == [
        ("loss", 2.0, 1),
        ("rate", 0.1, 1),
        ("loss", 1.0, 2),
    ]


def test_no_call_carries_more_points_than_a_server_takes(clock: list[float]) -> None:
    sizes: list[int] = []
    buffer = MetricBuffer(lambda points: sizes.append(len(points)))
    for step in range(metric_buffer.MAX_POINTS):
        buffer(step, {"loss": 1.0, "rate": 0.1, "norm": 2.0})
    buffer.flush()
    assert clock == [0.0]
    assert max(sizes) <= metric_buffer.MAX_POINTS
    assert sum(sizes) == 3 * metric_buffer.MAX_POINTS


def test_a_flush_of_nothing_calls_nobody() -> None:
    MetricBuffer(lambda _: pytest.fail("called")).flush()
