"""Hours and cost: simple arithmetic before the start, the measured speed after ten steps, no price by default."""

import msgspec
import pytest

from rustml.errors import InputError
from rustml.models.compute import Compute
from rustml.profile import load
from rustml.training import throughput
from rustml.training.report import cost

LAUNCH = load("tiny").launch
CPU = Compute("cpu", "float32", "eager")
H100 = msgspec.structs.replace(LAUNCH, gpu="h100", gpu_hour_price=2.5, assumed_utilisation=0.25)


def test_hours_follow_from_tokens_operations_and_the_share_of_the_peak() -> None:
    """989 TFLOP/s on each of four, a quarter of it: 989e12 operations per second in all."""
    found = cost.estimate(H100, CPU, tokens=989e12 * 3600 / 50e9, flops=50e9, devices=4)
    assert found.metrics(found.rate, "estimated") == pytest.approx({"hours.estimated": 1, "cost.estimated": 10})
    assert "on 4 x h100 at an assumed 25% of 989 TFLOP/s: 1 hours of steps, 10.00 at 2.5 per device and" in found.line()


def test_without_a_price_and_a_type_this_machine_is_reckoned_and_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (LAUNCH.gpu, LAUNCH.gpu_hour_price) == ("", None)
    monkeypatch.setattr(throughput, "measured_flops", lambda _: 2e9)
    found = cost.estimate(LAUNCH, CPU, tokens=1000, flops=1e6, devices=1)
    assert found.metrics(found.rate, "estimated") == {"hours.estimated": pytest.approx(1000 / 600 / 3600)}
    assert "1 x cpu at an assumed 30% of 0.002 TFLOP/s" in found.line()
    assert "per device" not in found.line()


def test_the_speed_is_measured_once_when_ten_steps_are_over() -> None:
    lines: list[str] = []
    measured = cost.Measured(cost.estimate(H100, CPU, tokens=7.2e6, flops=1e9, devices=2), lines.append)
    assert measured(5, {"tokens_per_second": 1.0}) == {}
    assert measured(12, {"loss": 1.0}) == {}
    assert measured(15, {"tokens_per_second": 1000.0}) == {"hours.measured": 2, "cost.measured": 10}
    assert measured(20, {"tokens_per_second": 5.0}) == {}
    assert lines == ["1,000 tokens/s after 15 steps: 2 hours of steps, 10.00 at 2.5 per device and hour"]


@pytest.mark.parametrize(("name", "peak"), [("T4", 65e12), ("a100-40gb", 312e12), ("l4", 121e12), ("l40s", 362e12)])
def test_types_are_those_of_the_memory_check(name: str, peak: float) -> None:
    assert cost.peak_of(name) == peak


def test_a_type_without_a_known_peak_is_refused() -> None:
    with pytest.raises(InputError, match=r"launch\.gpu: the peak of 'abacus' is not known; give a type such as h100"):
        cost.peak_of("abacus")
