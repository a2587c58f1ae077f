"""The funnel of a stage: per step the items kept, the items dropped by reason, and a sample per reason."""

from collections.abc import Iterable
from typing import Any

from rustml.records import Record

SAMPLES_PER_REASON = 3
SAMPLE_CHARACTERS = 160


class Step(Record, frozen=True):
    """One step of a funnel."""

    stage: str
    kept: int
    dropped: dict[str, int]
    """Count by reason."""
    samples: dict[str, tuple[str, ...]]
    """The first few dropped items of each reason."""


class Funnel:
    """Counts the items that pass a chain of steps. Steps appear in the order in which they are first named."""

    def __init__(self, stages: Iterable[str] = ()) -> None:
        self._kept: dict[str, int] = dict.fromkeys(stages, 0)
        self._dropped: dict[str, dict[str, int]] = {stage: {} for stage in self._kept}
        self._samples: dict[str, dict[str, list[str]]] = {stage: {} for stage in self._kept}

    def keep(self, stage: str, count: int = 1) -> None:
        """Count items that passed the step `stage`."""
        self._open(stage)
        self._kept[stage] += count

    def drop(self, stage: str, reason: str, sample: str, count: int = 1) -> None:
        """Count items that the step `stage` dropped; `sample` names one of them for a reader of the report."""
        self._open(stage)
        self._dropped[stage][reason] = self._dropped[stage].get(reason, 0) + count
        samples = self._samples[stage].setdefault(reason, [])
        if len(samples) < SAMPLES_PER_REASON:
            samples.append(sample[:SAMPLE_CHARACTERS])

    def add(self, step: Step) -> None:
        """Add the counts of another funnel's step."""
        self.keep(step.stage, step.kept)
        for reason, count in step.dropped.items():
            samples = step.samples.get(reason, ())
            for sample in samples[:count]:
                self.drop(step.stage, reason, sample)
            self._dropped[step.stage][reason] = self._dropped[step.stage].get(reason, 0) + count - len(samples[:count])

    def steps(self) -> tuple[Step, ...]:
        """The steps so far, reasons sorted by name."""
        return tuple(
            Step(
                stage=stage,
                kept=count,
                dropped=dict(sorted(self._dropped[stage].items())),
                samples={reason: tuple(labels) for reason, labels in sorted(self._samples[stage].items())},
            )
            for stage, count in self._kept.items()
        )

    def _open(self, stage: str) -> None:
        self._kept.setdefault(stage, 0)
        self._dropped.setdefault(stage, {})
        self._samples.setdefault(stage, {})


def merge(parts: Iterable[Iterable[Step]], stages: Iterable[str] = ()) -> tuple[Step, ...]:
    """Sum funnels step by step, samples taken in the order of `parts`."""
    total = Funnel(stages)
    for steps in parts:
        for step in steps:
            total.add(step)
    return total.steps()


def rows(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """The funnel as a table: per step one row for the items kept, and one per reason for the items dropped."""
    table: list[dict[str, Any]] = []
    for step in steps:
        table.append({"step": step.stage, "outcome": "kept", "count": step.kept, "samples": ""})
        for reason, count in step.dropped.items():
            labels = " | ".join(step.samples.get(reason, ()))
            table.append({"step": step.stage, "outcome": reason, "count": count, "samples": labels})
    return table


def step_metrics(prefix: str, steps: Iterable[Step]) -> dict[str, float]:
    """The funnel as metrics: `PREFIX.STEP.kept`, and `PREFIX.STEP.dropped.REASON` per reason."""
    metrics: dict[str, float] = {}
    for step in steps:
        metrics[f"{prefix}.{step.stage}.kept"] = float(step.kept)
        for reason, count in step.dropped.items():
            metrics[f"{prefix}.{step.stage}.dropped.{reason}"] = float(count)
    return metrics
