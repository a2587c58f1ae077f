"""What the reports of all stages with a funnel have in common: how their metrics and tables are named."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rustml.records import Record
from rustml.sharding.counts import count_metrics
from rustml.sharding.funnel import Step, rows, step_metrics


class FunnelReport(Record, frozen=True):
    """What a stage with a funnel reports."""

    stage: ClassVar[str]
    """Begins the names of metrics and tables."""
    funnel: tuple[Step, ...]

    def counts(self) -> Mapping[str, float]:
        """The stage's own numbers, by name without the stage's."""
        raise NotImplementedError

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Tables beside the funnel's, by name without the stage's."""
        return {}

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name, to be drawn: a count per value."""
        return {}

    def metrics(self) -> dict[str, float]:
        """Metrics by name: `STAGE.NAME`."""
        return count_metrics(self.stage, self.counts()) | step_metrics(self.stage, self.funnel)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name: `STAGE/NAME.json`."""
        named = {"funnel": rows(self.funnel), **self.details()}
        return {f"{self.stage}/{name}.json": table for name, table in named.items()}
