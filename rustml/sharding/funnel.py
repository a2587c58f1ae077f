"""The funnel of a stage: per step what was kept, what was dropped and why, with a sample of each reason."""

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
    """Counts what passes a chain of steps. Steps appear in the order in which they are first named."""

    def __init__(self, stages: Iterable[str] = ()) -> None:
        self._kept: dict[str, int] = dict.fromkeys(stages, 0)
        self._dropped: dict[str, dict[str, int]] = {stage: {} for stage in self._kept}
        self._samples: dict[str, dict[str, list[str]]] = {stage: {} for stage in self._kept}

    def keep(self, stage: str, count: int = 1) -> None:
        """Count items that passed `stage`."""
        self._open(stage)
        self._kept[stage] += count

    def drop(self, stage: str, reason: str, sample: str, count: int = 1) -> None:
        """Count items that `stage` dropped; `sample` names one of them for a human."""
        self._open(stage)
        self._dropped[stage][reason] = self._dropped[stage].get(reason, 0) + count
        shown = self._samples[stage].setdefault(reason, [])
        if len(shown) < SAMPLES_PER_REASON:
            shown.append(sample[:SAMPLE_CHARACTERS])

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
                kept=kept,
                dropped=dict(sorted(self._dropped[stage].items())),
                samples={reason: tuple(shown) for reason, shown in sorted(self._samples[stage].items())},
            )
            for stage, kept in self._kept.items()
        )

    def _open(self, stage: str) -> None:
        self._kept.setdefault(stage, 0)
        self._dropped.setdefault(stage, {})
        self._samples.setdefault(stage, {})


def merge(parts: Iterable[Iterable[Step]], stages: Iterable[str] = ()) -> tuple[Step, ...]:
    """Sum funnels step by step, samples taken in the order of `parts`."""
    whole = Funnel(stages)
    for steps in parts:
        for step in steps:
            whole.add(step)
    return whole.steps()


def rows(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """A table of the funnel: one row for what a step kept, one for each reason for which it dropped."""
    table: list[dict[str, Any]] = []
    for step in steps:
        table.append({"step": step.stage, "outcome": "kept", "count": step.kept, "samples": ""})
        for reason, count in step.dropped.items():
            shown = " | ".join(step.samples.get(reason, ()))
            table.append({"step": step.stage, "outcome": reason, "count": count, "samples": shown})
    return table
