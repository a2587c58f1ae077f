"""The report of the `mine` stage: problems by split, licence and strength, and the funnel by reason."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rustml.records import Problem
from rustml.sharding import FunnelReport, Step, count_metrics, count_rows, tally

WORLD = "world"
"""Tag of a problem that is judged in its crate."""
ALONE = "alone"


class MineReport(FunnelReport, frozen=True):
    """What was mined."""

    stage: ClassVar = "mine"
    problems: int
    crates: int
    splits: dict[str, int]
    worlds: dict[str, int]
    """Problems by where they are judged: `alone`, or in their `crate`."""
    licences: dict[str, int]
    """Problems by licence expression."""
    strengths: dict[str, int]
    """Problems by the share of mutants that their tests refuse, rounded down to tenths."""

    @classmethod
    def of(cls, problems: Sequence[Problem], funnel: tuple[Step, ...]) -> "MineReport":
        """The report on these problems."""
        return cls(
            problems=len(problems),
            crates=len({problem.tags["crate"] for problem in problems}),
            splits=tally(problem.split for problem in problems),
            worlds=tally(problem.tags.get(WORLD, ALONE) for problem in problems),
            licences=tally(problem.licence for problem in problems),
            strengths=tally(problem.tags["strength"][:3] for problem in problems),
            funnel=funnel,
        )

    def counts(self) -> Mapping[str, float]:
        """Problems in all, by split and by where they are judged, and their crates."""
        parts = count_metrics("split", self.splits) | count_metrics("world", self.worlds)
        return {"problems": self.problems, "crates": self.crates} | parts

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Problems by licence and by strength."""
        strengths = count_rows("strength", self.strengths, "problems")
        return {"licences": count_rows("licence", self.licences, "problems"), "strengths": strengths}
