"""Draw funnels and histograms into PNG files, with no window and no global state of matplotlib."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rustml.sharding.funnel import Step

LONGEST_LABEL = 40
MOST_BARS = 30


def draw_funnel(steps: Iterable[Step], path: Path) -> Path:
    """One bar a step: what it kept, and beside it what it dropped."""
    shown = list(steps)
    figure = Figure(figsize=(8, 0.45 * len(shown) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [step.stage for step in shown]
    kept = [step.kept for step in shown]
    axes.barh(names, kept, color="#2a6f97", label="kept")
    axes.barh(names, [sum(step.dropped.values()) for step in shown], left=kept, color="#d68c45", label="dropped")
    axes.invert_yaxis()
    axes.set_xlabel("items")
    axes.legend()
    figure.savefig(path, dpi=100)
    return path


def draw_histogram(title: str, histogram: Mapping[str, float], path: Path) -> Path:
    """One bar a value; of more than 30 values, the 30 with the highest counts."""
    bars = list(histogram.items())
    if len(bars) > MOST_BARS:
        bars = sorted(bars, key=lambda bar: -bar[1])[:MOST_BARS]
    figure = Figure(figsize=(8, 0.3 * len(bars) + 1.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.barh([value[:LONGEST_LABEL] for value, _ in bars], [count for _, count in bars], color="#2a6f97")
    axes.invert_yaxis()
    axes.set_title(title)
    axes.set_xlabel("count")
    figure.savefig(path, dpi=100)
    return path
