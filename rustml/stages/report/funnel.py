"""What a stage with a funnel leaves of its report: metrics, tables, and plots."""

from collections.abc import Mapping
from pathlib import Path

from rustml.runs.stage import Outcome, Workspace
from rustml.sharding import FunnelReport
from rustml.sharding.plots import draw_report


def reported(
    report: FunnelReport, space: Workspace, datasets: Mapping[str, Path], tags: Mapping[str, str] | None = None
) -> Outcome:
    """Draw the report, and return what is logged of it. `datasets` are those of the output, by role."""
    draw_report(report, space.report / "plots")
    return Outcome(report.metrics(), report.tables(), datasets, tags or {})
