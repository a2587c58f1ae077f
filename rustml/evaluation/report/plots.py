"""Figures of evaluations, drawn without a display."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rustml.evaluation.kinds import KINDS
from rustml.evaluation.metrics import METRICS
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.statistics import Interval, wilson
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.tasks import TASKS

PALETTE = ("#8da0cb", "#66a61e", "#1b6ca8", "#e6861a", "#7570b3", "#a6761d", "#e7298a", "#008b8b", "#666666")
"""Colours of metrics in the order of their registry, over and over."""
GAIN, LOSS = "#2b8a3e", "#c92a2a"
PALE = 0.3
CLASSES_SHOWN = 12


def draw_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Figures of one model: rates with 95% intervals, failure classes, answer length against outcome."""
    folder.mkdir(parents=True, exist_ok=True)
    figures = [draw_stages({"": evaluation}, folder / "rates.png")]
    for name, suite in evaluation.suites.items():
        figures.append(_failures(name, suite, folder / f"failures-{name}.png"))
        figures.append(_lengths(name, suite, folder / f"lengths-{name}.png"))
        if suite.tasks:
            figures.append(_tasks(name, suite, folder / f"tasks-{name}.png"))
    return figures


def draw_stages(stages: Mapping[str, Evaluation], path: Path) -> Path:
    """Rates of every suite, stage beside stage, with Wilson 95% intervals over items."""
    suites = list(dict.fromkeys((name, suite.group) for each in stages.values() for name, suite in each.suites.items()))
    figure, axes = _axes(len(suites))
    for axis, (name, group) in zip(axes, suites, strict=True):
        metrics = KINDS[group].drawn
        for shift, metric in enumerate(metrics):
            _bars(axis, [each.suites.get(name) for each in stages.values()], metric, shift, len(metrics))
        axis.set_xticks(range(len(stages)), list(stages))
        axis.set(title=name, ylim=(0, 1.02), ylabel="share of items")
        _legend_below(axis)
    return _save(figure, path)


def _bars(axis: Axes, suites: Sequence[SuiteResult | None], metric: str, shift: int, count: int) -> None:
    width = 0.8 / count
    for number, suite in enumerate(suites):
        if suite is None or not suite.values(metric):
            continue
        rate, interval = rate_with_interval(suite, metric)
        axis.bar(
            number + (shift - (count - 1) / 2) * width,
            rate,
            width,
            yerr=[[max(0.0, rate - interval.low)], [max(0.0, interval.high - rate)]],
            capsize=2,
            color=colour(metric),
            label=metric if number == 0 else None,
        )


def colour(metric: str) -> str:
    """The colour of a metric of the registry, the same in every figure."""
    return PALETTE[list(METRICS).index(metric) % len(PALETTE)]


def rate_with_interval(suite: SuiteResult, metric: str) -> tuple[float, Interval]:
    """Mean of a metric over the items that have it, and its 95% Wilson interval with items, not samples, as trials."""
    values = suite.values(metric)
    total = sum(values.values())
    return total / len(values), wilson(min(total, len(values)), len(values))


def draw_pairs(baseline: Evaluation, candidate: Evaluation, path: Path) -> Path:
    """Items gained and lost from the baseline to the candidate, by suite and metric."""
    names = sorted(baseline.suites.keys() & candidate.suites.keys())
    figure, axes = _axes(len(names))
    for axis, name in zip(axes, names, strict=True):
        before, after = baseline.suites[name], candidate.suites[name]
        metrics = KINDS[before.group].drawn
        gained, lost = zip(*(_changes(before.values(m), after.values(m)) for m in metrics), strict=True)
        axis.barh(metrics, gained, color=GAIN, label="gained")
        axis.barh(metrics, [-count for count in lost], color=LOSS, label="lost")
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
    """Means of the scores of each task; its headline metric is drawn in full, the others pale."""
    tasks = sorted(set(suite.tasks.values()), reverse=True)
    figure = Figure(figsize=(7, 1.5 + 0.9 * len(tasks)), layout="constrained")
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    scores = {name for sample in suite.samples for name in sample.scores}
    measures = [name for name in METRICS if name in scores]
    bars = list(_task_bars(suite, tasks, measures))
    for metric in measures:
        mine = [(height, mean, alpha) for height, name, mean, alpha in bars if name == metric]
        for number, (height, mean, alpha) in enumerate(mine):
            label = metric if number == 0 else None
            axis.barh(
                height, mean, 0.8 / len(measures), color=(colour(metric), alpha), edgecolor=colour(metric), label=label
            )
    counts = Counter(suite.tasks.values())
    axis.set_yticks(range(len(tasks)), [f"{task} ({counts[task]})" for task in tasks])
    axis.set(
        title=f"{name}: scores by task (items); in full, the task's headline metric", xlim=(0, 1.02), xlabel="mean"
    )
    if bars:
        figure.legend(fontsize=8, ncols=len(measures), frameon=False, loc="outside lower center")
    return _save(figure, path)


def _task_bars(
    suite: SuiteResult, tasks: Sequence[str], shown: Sequence[str]
) -> Iterator[tuple[float, str, float, float]]:
    """Height, metric, mean and opacity of every bar."""
    for row, task in enumerate(tasks):
        items = [item for item, category in suite.tasks.items() if category == task]
        headline = TASKS[task].headline if task in TASKS else ""
        for shift, metric in enumerate(shown):
            values = suite.values(metric, items).values()
            if values:
                height = row + 0.4 - (shift + 0.5) * 0.8 / len(shown)
                yield height, metric, sum(values) / len(values), 1.0 if metric == headline else PALE


def _axes(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(1.5 + 4.5 * count, 4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(1, count, squeeze=False)[0])


def _legend_below(axis: Axes) -> None:
    """One line under the axis, where it hides no bar."""
    axis.legend(fontsize=8, ncols=len(METRICS), frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.13))


def _save(figure: Figure, path: Path) -> Path:
    figure.savefig(path, dpi=110)
    return path
