"""The report of the `mine` stage: problems by split, licence and strength, and the funnel by reason."""

from collections.abc import Sequence
from typing import Any

from rustml.records import Problem, Record
from rustml.sharding import Step, rows, step_metrics, tally


class MineReport(Record, frozen=True):
    """What was mined."""

    problems: int
    crates: int
    splits: dict[str, int]
    licences: dict[str, int]
    """Problems by licence expression."""
    strengths: dict[str, int]
    """Problems by the share of mutants that their tests refuse, rounded down to tenths."""
    funnel: tuple[Step, ...]

    @classmethod
    def of(cls, problems: Sequence[Problem], funnel: tuple[Step, ...]) -> "MineReport":
        """The report on these problems."""
        return cls(
            problems=len(problems),
            crates=len({problem.tags["crate"] for problem in problems}),
            splits=tally(problem.split for problem in problems),
            licences=tally(problem.licence for problem in problems),
            strengths=tally(problem.tags["strength"][:3] for problem in problems),
            funnel=funnel,
        )

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {"mine.problems": float(self.problems), "mine.crates": float(self.crates)}
        splits = {f"mine.split.{name}": float(count) for name, count in self.splits.items()}
        return counts | splits | step_metrics("mine", self.funnel)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        return {
            "mine/funnel.json": rows(self.funnel),
            "mine/licences.json": [{"licence": name, "problems": count} for name, count in self.licences.items()],
            "mine/strengths.json": [{"strength": name, "problems": count} for name, count in self.strengths.items()],
        }
