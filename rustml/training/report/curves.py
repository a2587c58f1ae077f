"""What a GRPO training did by step, as one picture of small panels."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANELS: Mapping[str, Mapping[str, str]] = {
    "share of answers": {"formatted": "share.formatted", "compiled": "share.compiled", "passed": "share.passed"},
    "mean reward": {"reward": "reward"},
    "share of groups without a signal": {"groups": "frac_reward_zero_std"},
    "held-out pass rate, or minus loss": {"canary": "canary", "rust-dev": "dev.pass"},
    "entropy of a token, nats": {"entropy": "entropy"},
    "tokens per answer": {"mean": "completions/mean_length", "longest": "completions/max_length"},
    "gradient norm": {"norm": "grad_norm"},
    "seconds of a step": {"draw": "seconds.draw", "verdicts": "judge.wait_seconds", "train": "seconds.train"},
}
"""By title: the metrics of a panel by label. A panel of which nothing was logged is left out."""
SHARES = ("share of answers", "share of groups without a signal")
COLOURS = ("#8da0cb", "#e6861a", "#1b6ca8")
COLUMNS = 4
MEAN_OF = 8
"""Steps of the running mean, which stands over the single steps where there are at least twice as many."""

Curves = dict[str, dict[int, float]]
"""By metric: its value by step."""


class CurveFile:
    """The metrics of a training in its scratch folder, so that the picture of a resumed one has all its steps."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def note(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a step."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps([step, dict(metrics)])}\n")

    def read(self) -> Curves:
        """All that was kept: the last value of a step counts, and a line that was cut by a kill is left out."""
        curves: Curves = {}
        for line in self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else ():
            try:
                step, metrics = json.loads(line)
            except ValueError:
                continue
            for name, value in metrics.items():
                curves.setdefault(name, {})[step] = value
        return curves


def draw(title: str, curves: Curves, path: Path) -> Path:
    """Draw the panels of which something was logged, all over the same steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415  a second to load
    from matplotlib.figure import Figure  # noqa: PLC0415

    panels = {name: lines for name, shown in PANELS.items() if (lines := _lines(shown, curves))}
    rows = -(-max(1, len(panels)) // COLUMNS)
    figure = Figure(figsize=(13, 0.6 + 2.7 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(rows, COLUMNS, squeeze=False).flat)
    for axis, (name, lines) in zip(axes, panels.items(), strict=False):
        panel(axis, name, lines)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.suptitle(f"{title} (bold over pale: running mean of {MEAN_OF} steps)", fontsize=10)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    return path


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value and those before it, of `MEAN_OF` at most."""
    windows = (values[max(0, end - MEAN_OF) : end] for end in range(1, len(values) + 1))
    return [sum(window) / len(window) for window in windows]


def _lines(shown: Mapping[str, str], curves: Curves) -> Curves:
    return {label: curves[metric] for label, metric in shown.items() if curves.get(metric)}


def panel(axis: "Axes", name: str, lines: Curves) -> None:
    """Draw the lines of the panel `name`, by label."""
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    for colour, label in zip(COLOURS, PANELS[name], strict=False):
        if label in lines:
            _line(axis, sorted(lines[label].items()), colour, label)
    axis.set_title(name, fontsize=9)
    axis.set_xlabel("step", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True))
    axis.grid(alpha=0.25)
    if name in SHARES:
        axis.set_ylim(-0.03, 1.03)
    else:
        low, high = axis.get_ylim()
        axis.set_ylim(min(0.0, low), max(0.0, high))
    if len(PANELS[name]) > 1:
        axis.legend(fontsize=7, frameon=False, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _line(axis: "Axes", points: Sequence[tuple[int, float]], colour: str, label: str) -> None:
    """The single steps, and over them the running mean; few points are dots."""
    steps, values = zip(*points, strict=True)
    smooth = len(steps) >= 2 * MEAN_OF
    marker = "o" if len(steps) < MEAN_OF else ""
    name = "_" if smooth else label
    axis.plot(steps, values, color=colour, alpha=0.3 if smooth else 1, lw=1, marker=marker, ms=3, label=name)
    if smooth:
        axis.plot(steps, running_mean(values), color=colour, lw=1.8, label=label)
