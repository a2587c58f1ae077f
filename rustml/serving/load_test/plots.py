"""The figure of a load test, drawn without a display."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rustml.serving.load_test.measured import METRICS
from rustml.serving.load_test.report import LoadTest

COLOURS = ("#8da0cb", "#e6861a", "#1b6ca8", "#66a61e", "#7570b3")
"""Of the versions in order, over and over."""


def draw(test: LoadTest, path: Path) -> Path:
    """Tokens/s, and the median of each latency with its 99th percentile, over requests at a time."""
    figure = Figure(figsize=(4.5 * (1 + len(METRICS)), 4), layout="constrained")
    FigureCanvasAgg(figure)
    first, *others = figure.subplots(1, 1 + len(METRICS))
    _throughput(first, test)
    for axis, name in zip(others, METRICS.values(), strict=True):
        _latency(axis, test, name)
    figure.savefig(path, dpi=110)
    return path


def _throughput(axis: Axes, test: LoadTest) -> None:
    for number, version in enumerate(test.versions):
        levels = sorted(test.of(version).items())
        label, colour = levels[0][1].label, COLOURS[number % len(COLOURS)]
        counts, rates = [count for count, _ in levels], [level.tokens_per_second for _, level in levels]
        axis.plot(counts, rates, marker="o", color=colour, label=label)
    _finish(axis, test, "output tokens/s in total")
    axis.legend(frameon=False)


def _latency(axis: Axes, test: LoadTest, name: str) -> None:
    """Levels where nothing ended have no point."""
    for number, version in enumerate(test.versions):
        points = [(count, getattr(level, name)) for count, level in sorted(test.of(version).items())]
        shown = [(count, latency) for count, latency in points if latency is not None]
        counts, colour = [count for count, _ in shown], COLOURS[number % len(COLOURS)]
        axis.plot(counts, [latency.p50 for _, latency in shown], marker="o", color=colour)
        axis.plot(counts, [latency.p99 for _, latency in shown], marker="_", linestyle=":", color=colour)
    _finish(axis, test, f"{name.replace('_', ' ')}, ms (dotted: p99)")


def _finish(axis: Axes, test: LoadTest, label: str) -> None:
    counts = sorted({level.concurrency for level in test.levels})
    axis.set_xscale("log", base=2)
    axis.set_xticks(counts, [str(count) for count in counts])
    axis.set(xlabel="requests at a time", title=label, ylim=(0, None))
