"""The report of the `edits` stage: changes by task, licence and code, and the funnel by reason."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rustml.records import Edit
from rustml.sharding import FunnelReport, Step, count_metrics, count_rows, tally


class EditsReport(FunnelReport, frozen=True):
    """What was verified."""

    stage: ClassVar = "edits"
    sources: int
    """Crates and repositories that have any."""
    tasks: dict[str, int]
    licences: dict[str, int]
    codes: dict[str, int]
    """Changes by task and lint, error code or mutation."""

    @classmethod
    def of(cls, edits: Sequence[Edit], funnel: tuple[Step, ...]) -> "EditsReport":
        """The report on these changes."""
        return cls(
            sources=len({(edit.origin.kind, edit.origin.name) for edit in edits}),
            tasks=tally(edit.task for edit in edits),
            licences=tally(edit.origin.licence for edit in edits),
            codes=tally(f"{edit.task}: {code}" for edit in edits for code in edit.codes),
            funnel=funnel,
        )

    def counts(self) -> Mapping[str, float]:
        """Changes in all and by task, and where they come from."""
        return {"records": sum(self.tasks.values()), "sources": self.sources} | count_metrics("task", self.tasks)

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Changes by licence and by code."""
        licences = count_rows("licence", self.licences, "edits")
        return {"licences": licences, "codes": count_rows("code", self.codes, "edits")}
