"""Hours and money of a training: reckoned before it starts, and again from the speed of its first steps."""

from collections.abc import Callable
from dataclasses import dataclass

from rustml.errors import InputError
from rustml.models.compute import Compute
from rustml.profile.launch import LaunchSection
from rustml.training.throughput import peak_flops

PEAKS = {"rtx4090": 165.2e12, "rtx5090": 209.5e12}
"""Operations per second in bf16, dense, accumulated in fp32, as NVIDIA states them; TRL's table has the others."""
DTYPES = ("bfloat16", "float16")
MEASURED_AFTER = 10
"""Steps after which the speed is taken: earlier ones warm up."""


def peak_of(gpu: str) -> float:
    """Operations per second of a GPU by its type, such as h100. Raises InputError for one without a known peak."""
    from trl.trainer.utils import get_peak_flops  # noqa: PLC0415  seconds to load

    name = gpu.lower()
    known = (get_peak_flops(name, dtype) for dtype in DTYPES)
    peak = PEAKS.get(name) or next((float(each) for each in known if each), 0.0)
    if not peak:
        raise InputError(
            f"launch.gpu: the peak of {gpu!r} is not known; give a type such as h100, a100-80gb or l40s, or none"
        )
    return peak


@dataclass(frozen=True)
class Estimate:
    """What a training takes."""

    tokens: float
    """Of all its steps."""
    flops: float
    """Operations per token that the model needs."""
    peak: float
    """Operations per second of one device."""
    devices: int
    name: str
    """Of the device."""
    utilisation: float
    """Share of the peak that is assumed."""
    price: float | None
    """Of a device for an hour."""

    @property
    def rate(self) -> float:
        """Tokens per second of all devices, at the assumed utilisation."""
        return self.utilisation * self.peak * self.devices / self.flops

    def metrics(self, rate: float, kind: str) -> dict[str, float]:
        """Hours at so many tokens per second, and their cost where there is a price."""
        hours = self.tokens / rate / 3600
        cost = {} if self.price is None else {f"cost.{kind}": hours * self.devices * self.price}
        return {f"hours.{kind}": hours, **cost}

    def line(self) -> str:
        """The estimate in words."""
        assumed = f"{self.devices} x {self.name} at an assumed {self.utilisation:.0%} of {self.peak / 1e12:.3g} TFLOP/s"
        work = f"{self.tokens / 1e6:.3g}M tokens x {self.flops / 1e9:.3g} GFLOP on {assumed}"
        return f"{work}: {_words(self.metrics(self.rate, 'estimated'), self.price)}"


def estimate(section: LaunchSection, machine: Compute, tokens: float, flops: float, devices: int) -> Estimate:
    """For the GPU that the profile names, or for this machine's device. Raises InputError as `peak_of` does."""
    peak = peak_of(section.gpu) if section.gpu else peak_flops(machine)
    name = section.gpu or machine.device
    return Estimate(tokens, flops, peak, devices, name, section.assumed_utilisation, section.gpu_hour_price)


class Measured:
    """Takes what a training logs, and says once how long all of it will take at the measured speed."""

    def __init__(self, expected: Estimate, say: Callable[[str], None]) -> None:
        self._expected, self._say, self._told = expected, say, False

    def __call__(self, step: int, metrics: dict[str, float]) -> dict[str, float]:
        """Further metrics of this step; none but once."""
        rate = metrics.get("tokens_per_second", 0.0)
        if self._told or step < MEASURED_AFTER or rate <= 0:
            return {}
        self._told = True
        measured = self._expected.metrics(rate, "measured")
        self._say(f"{rate:,.0f} tokens/s after {step} steps: {_words(measured, self._expected.price)}")
        return measured


def _words(metrics: dict[str, float], price: float | None) -> str:
    hours, *costs = metrics.values()
    spent = f", {costs[0]:,.2f} at {price:g} per device and hour" if costs else ""
    return f"{hours:.3g} hours of steps{spent}"
