"""What the pairs stage reports."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rustml.sharding import FunnelReport, count_metrics, count_rows


class PairsReport(FunnelReport, frozen=True):
    """Records by part and task, and dropped records by reason."""

    stage: ClassVar = "pairs"
    parts: dict[str, int]
    """Records in train, validation, holdout, general_holdout, raw."""
    tasks: dict[str, int]
    """Domain records of all parts, by task."""
    pools: dict[str, int]
    """Anchor records in train, by pool."""
    achieved: dict[str, float]
    """Share of each pool among the anchors, and `anchors_per_pair`."""
    short: dict[str, int]
    """Anchor records that a pool lacked."""
    lengths: dict[str, int]
    """Domain records by characters of question and answer, in powers of two."""
    contaminated: dict[str, int]
    """Records dropped for overlapping a problem, by bank."""
    digest: str
    """SHA-256 over the digests of all files written."""

    def counts(self) -> Mapping[str, float]:
        """Records by part, task and pool, shares of the pools, and contaminated records by bank."""
        return (
            count_metrics("part", self.parts)
            | count_metrics("task", self.tasks)
            | count_metrics("pool", self.pools)
            | count_metrics("contaminated", self.contaminated)
            | count_metrics("achieved", self.achieved)
        )

    def details(self) -> Mapping[str, list[dict[str, Any]]]:
        """Records by task, pool and length."""
        mixed = [
            {"pool": name, "records": count, "short": self.short.get(name, 0)} for name, count in self.pools.items()
        ]
        return {
            "tasks": count_rows("task", self.tasks),
            "pools": mixed,
            "lengths": count_rows("characters", self.lengths),
        }

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name, to be drawn."""
        return {
            "task": {name: float(count) for name, count in self.tasks.items()},
            "characters per pair": {name: float(count) for name, count in self.lengths.items()},
        }
