"""The report of the `edits` stage: changes by task, licence and code, and the funnel by reason."""

from collections.abc import Sequence
from typing import Any

from rustml.records import Edit, Record
from rustml.sharding import Step, rows, step_metrics, tally


class EditsReport(Record, frozen=True):
    """What was verified."""

    edits: int
    sources: int
    """Crates and repositories that have any."""
    tasks: dict[str, int]
    licences: dict[str, int]
    codes: dict[str, int]
    """Changes by task and lint, error code or mutation."""
    funnel: tuple[Step, ...]

    @classmethod
    def of(cls, edits: Sequence[Edit], funnel: tuple[Step, ...]) -> "EditsReport":
        """The report on these changes."""
        return cls(
            edits=len(edits),
            sources=len({(edit.origin.kind, edit.origin.name) for edit in edits}),
            tasks=tally(edit.task for edit in edits),
            licences=tally(edit.origin.licence for edit in edits),
            codes=tally(f"{edit.task}: {code}" for edit in edits for code in edit.codes),
            funnel=funnel,
        )

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        counts = {"edits.records": float(self.edits), "edits.sources": float(self.sources)}
        tasks = {f"edits.task.{name}": float(count) for name, count in self.tasks.items()}
        return counts | tasks | step_metrics("edits", self.funnel)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        return {
            "edits/funnel.json": rows(self.funnel),
            "edits/licences.json": [{"licence": name, "edits": count} for name, count in self.licences.items()],
            "edits/codes.json": [{"code": name, "edits": count} for name, count in self.codes.items()],
        }
