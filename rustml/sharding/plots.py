"""Funnels and histograms as PNG files, drawn without a window and without matplotlib's global state."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rustml.sharding.funnel import Step
from rustml.sharding.report import FunnelReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LONGEST_LABEL = 40
MOST_BARS = 30
KEPT, DROPPED = "#2a6f97", "#d68c45"


def draw_report(report: FunnelReport, folder: Path) -> list[Path]:
    """Draw a report's funnel and its histograms as PNG files in `folder`, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [draw_funnel(report.funnel, folder / "funnel.png")]
    for name, histogram in report.histograms().items():
        if histogram:
            paths.append(draw_histogram(name, histogram, folder / f"{name.replace(' ', '_')}.png"))
    return paths


def draw_funnel(steps: Iterable[Step], path: Path) -> Path:
    """Draw one bar per step: the items kept, and beside them the items dropped."""
    bars = list(steps)
    figure, axes = _figure(0.45 * len(bars) + 1.2)
    names, counts = [step.stage for step in bars], [step.kept for step in bars]
    axes.barh(names, counts, color=KEPT, label="kept")
    axes.barh(names, [sum(step.dropped.values()) for step in bars], left=counts, color=DROPPED, label="dropped")
    axes.invert_yaxis()
    axes.set_xlabel("items")
    axes.legend()
    figure.savefig(path, dpi=100)
    return path


def draw_histogram(title: str, histogram: Mapping[str, float], path: Path) -> Path:
    """Draw one bar per value; of more than 30 values, the 30 with the highest counts."""
    bars = list(histogram.items())
    if len(bars) > MOST_BARS:
        bars = sorted(bars, key=lambda bar: -bar[1])[:MOST_BARS]
    figure, axes = _figure(0.3 * len(bars) + 1.2)
    axes.barh([value[:LONGEST_LABEL] for value, _ in bars], [count for _, count in bars], color=KEPT)
    axes.invert_yaxis()
    axes.set_title(title)
    axes.set_xlabel("count")
    figure.savefig(path, dpi=100)
    return path


def _figure(height: float) -> "tuple[Figure, Axes]":
    """An empty figure of 8 by `height` inches, and its axes."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  a second to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(8, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()
