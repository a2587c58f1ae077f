"""What a sweep says about its trials: records, a table in Markdown, and a picture."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rustml.io import write_bytes
from rustml.training.search.ranking import CONFIDENCE, FAILED, Trial


def write(trials: Sequence[Trial], metric: str, command: str, folder: Path) -> None:
    """`sweep.json`, `sweep.md` and `sweep.png`, of trials in the order of their rank."""
    document = {"metric": metric, "confidence": CONFIDENCE, "best": command, "trials": records(trials)}
    write_bytes(folder / "sweep.json", msgspec.json.format(msgspec.json.encode(document)))
    best = f"\nThe best one again, with a registered version:\n\n    {command}\n" if command else ""
    write_bytes(folder / "sweep.md", f"{table(trials, metric)}\n{best}".encode())
    _draw([trial for trial in trials if trial.scores], metric, folder / "sweep.png")


def records(trials: Sequence[Trial]) -> list[dict[str, Any]]:
    """The trials as JSON holds them; no result is null."""
    return [
        {
            "rank": rank,
            "trial": trial.number,
            "setting": list(trial.setting),
            "status": trial.status,
            "mean": None if math.isnan(trial.mean) else trial.mean,
            "interval": trial.interval,
            "scores": {str(seed): score for seed, score in trial.scores.items()},
            "runs": {str(seed): run for seed, run in trial.runs.items()},
            "reason": trial.reason,
        }
        for rank, trial in enumerate(trials, start=1)
    ]


def table(trials: Sequence[Trial], metric: str) -> str:
    """One row per trial, the best first."""
    head = f"| rank | setting | {metric} | 95% interval | seeds | status |\n|---|---|---|---|---|---|"
    rows = [
        f"| {rank} | {' '.join(trial.setting)} | {_number(trial.mean)} | {_interval(trial)} | {len(trial.scores)} | "
        f"{trial.status}{f': {trial.reason}' if trial.reason else ''} |"
        for rank, trial in enumerate(trials, start=1)
    ]
    return "\n".join([head, *rows])


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _interval(trial: Trial) -> str:
    if trial.interval is None:
        return "" if trial.status == FAILED else "unknown: one seed"
    low, high = trial.interval
    return f"{low:.4g} to {high:.4g}"


def _draw(trials: Sequence[Trial], metric: str, file: Path) -> None:
    """A point per seed, the mean and its interval per trial, the best on top."""
    from matplotlib.figure import Figure  # noqa: PLC0415  a second to load

    figure = Figure(figsize=(8, 1 + 0.4 * max(1, len(trials))), layout="constrained")
    axes = figure.subplots()
    for place, trial in enumerate(reversed(trials)):
        axes.plot(list(trial.scores.values()), [place] * len(trial.scores), ".", color="#9bb8cd")
        low, high = trial.interval or (trial.mean, trial.mean)
        axes.errorbar([trial.mean], [place], xerr=[[trial.mean - low], [high - trial.mean]], fmt="o", color="#2a6f97")
    axes.set_yticks(range(len(trials)), [" ".join(trial.setting) for trial in reversed(trials)])
    axes.set_xlabel(metric)
    figure.savefig(file)
