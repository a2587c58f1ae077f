"""Figures of evaluations, drawn without a display."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rustml.evaluation.results.outcomes import Evaluation, SuiteResult
from rustml.evaluation.results.statistics import Interval, wilson
from rustml.tasks import TASKS

COLOURS = {"format": "#8da0cb", "compile": "#66a61e", "pass": "#1b6ca8", "clippy": "#e6861a"}
GAIN, LOSS = "#2b8a3e", "#c92a2a"
MEASURES: Mapping[str, Sequence[str]] = {
    "rust": ("format", "compile", "pass", "clippy"),
    "retention": ("format", "pass"),
    "holdout": ("format", "compile", "clippy"),
}
SCORES = {
    "exact": "#7570b3",
    "edit": "#8da0cb",
    "syntax": "#e7298a",
    "compile": "#66a61e",
    "clippy": "#e6861a",
    "tests": "#1b6ca8",
    "rating": "#666666",
}
PALE = 0.3
CLASSES_SHOWN = 12


def draw_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Figures of one model: rates with 95% intervals, failure classes, answer length against outcome."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = [draw_stages({"": evaluation}, folder / "rates.png")]
    for name, suite in evaluation.suites.items():
        drawn.append(_failures(name, suite, folder / f"failures-{name}.png"))
        drawn.append(_lengths(name, suite, folder / f"lengths-{name}.png"))
        if suite.tasks:
            drawn.append(_tasks(name, suite, folder / f"tasks-{name}.png"))
    return drawn


def draw_stages(stages: Mapping[str, Evaluation], path: Path) -> Path:
    """Rates of every suite, stage beside stage, with Wilson 95% intervals over items."""
    suites = list(dict.fromkeys((name, suite.group) for each in stages.values() for name, suite in each.suites.items()))
    figure, axes = _axes(len(suites))
    for axis, (name, group) in zip(axes, suites, strict=True):
        for shift, measure in enumerate(MEASURES[group]):
            _bars(axis, [each.suites.get(name) for each in stages.values()], measure, shift, len(MEASURES[group]))
        axis.set_xticks(range(len(stages)), list(stages))
        axis.set(title=name, ylim=(0, 1.02), ylabel="share of items")
        _legend_below(axis)
    return _save(figure, path)


def _bars(axis: Axes, suites: Sequence[SuiteResult | None], measure: str, shift: int, count: int) -> None:
    width = 0.8 / count
    for place, suite in enumerate(suites):
        if suite is None:
            continue
        rate, interval = rate_with_interval(suite, measure)
        axis.bar(
            place + (shift - (count - 1) / 2) * width,
            rate,
            width,
            yerr=[[max(0.0, rate - interval.low)], [max(0.0, interval.high - rate)]],
            capsize=2,
            color=COLOURS[measure],
            label=measure if place == 0 else None,
        )


def rate_with_interval(suite: SuiteResult, measure: str) -> tuple[float, Interval]:
    """Mean of a measure over items, and its 95% Wilson interval with items, not samples, as trials."""
    rates = suite.rates(measure)
    total = sum(rates.values())
    return total / len(rates), wilson(min(total, len(rates)), len(rates))


def draw_pairs(baseline: Evaluation, candidate: Evaluation, path: Path) -> Path:
    """Items gained and lost from the baseline to the candidate, by suite and measure."""
    names = sorted(baseline.suites.keys() & candidate.suites.keys())
    figure, axes = _axes(len(names))
    for axis, name in zip(axes, names, strict=True):
        before, after = baseline.suites[name], candidate.suites[name]
        measures = MEASURES[before.group]
        gained, lost = zip(*(_changes(before.rates(m), after.rates(m)) for m in measures), strict=True)
        axis.barh(measures, gained, color=GAIN, label="gained")
        axis.barh(measures, [-count for count in lost], color=LOSS, label="lost")
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set(title=name, xlabel="items")
        _legend_below(axis)
    return _save(figure, path)


def _changes(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[int, int]:
    shared = before.keys() & after.keys()
    return sum(after[item] > before[item] for item in shared), sum(after[item] < before[item] for item in shared)


def _failures(name: str, suite: SuiteResult, path: Path) -> Path:
    figure, (axis,) = _axes(1)
    classes = Counter(suite.failures()).most_common(CLASSES_SHOWN)[::-1]
    axis.barh([label for label, _ in classes], [count for _, count in classes], color=LOSS)
    axis.set(title=f"{name}: answers that did not pass, by class", xlabel="answers")
    return _save(figure, path)


def _lengths(name: str, suite: SuiteResult, path: Path) -> Path:
    figure, (axis,) = _axes(1)
    passed = [sample.characters for sample in suite.samples if sample.status == "passed"]
    failed = [sample.characters for sample in suite.samples if sample.status != "passed"]
    axis.hist([passed, failed], bins=20, stacked=True, color=[GAIN, LOSS], label=["passed", "did not pass"])
    axis.set(title=f"{name}: length of the answer", xlabel="characters", ylabel="answers")
    _legend_below(axis)
    return _save(figure, path)


def _tasks(name: str, suite: SuiteResult, path: Path) -> Path:
    """Means of the measures of each task; the one that speaks for the task is drawn in full, the others pale."""
    tasks = sorted(set(suite.tasks.values()), reverse=True)
    figure = Figure(figsize=(7, 1.5 + 0.9 * len(tasks)), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    bars = list(_task_bars(suite, tasks))
    for measure, colour in SCORES.items():
        own = [(place, mean, alpha) for place, shown, mean, alpha in bars if shown == measure]
        for number, (place, mean, alpha) in enumerate(own):
            label = measure if number == 0 else None
            axis.barh(place, mean, 0.8 / len(SCORES), color=(colour, alpha), edgecolor=colour, label=label)
    counts = Counter(suite.tasks.values())
    axis.set_yticks(range(len(tasks)), [f"{task} ({counts[task]})" for task in tasks])
    axis.set(title=f"{name}: measures by task (items); in full, the task's own", xlim=(0, 1.02), xlabel="mean")
    if bars:
        figure.legend(fontsize=8, ncols=len(SCORES), frameon=False, loc="outside lower center")
    return _save(figure, path)


def _task_bars(suite: SuiteResult, tasks: Sequence[str]) -> Iterator[tuple[float, str, float, float]]:
    """Place, measure, mean and opacity of every bar."""
    for row, task in enumerate(tasks):
        items = [item for item, own in suite.tasks.items() if own == task]
        headline = TASKS[task].headline if task in TASKS else ""
        for shift, measure in enumerate(SCORES):
            values = suite.scored(measure, items).values()
            if values:
                place = row + 0.4 - (shift + 0.5) * 0.8 / len(SCORES)
                yield place, measure, sum(values) / len(values), 1.0 if measure == headline else PALE


def _axes(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(1.5 + 4.5 * count, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _legend_below(axis: Axes) -> None:
    """One line under the axis, where it hides no bar."""
    axis.legend(fontsize=8, ncols=len(SCORES), frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13))


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
