"""What the pairs stage reports."""

from typing import Any

from rustml.records import Record
from rustml.sharding import Step, rows


class PairsReport(Record, frozen=True):
    """Records by part and task, and dropped records by reason."""

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
    funnel: tuple[Step, ...]
    contaminated: dict[str, int]
    """Records dropped for overlapping a problem, by bank."""
    digest: str
    """SHA-256 over the digests of all files written."""

    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        named = {f"part.{name}": count for name, count in self.parts.items()}
        named |= {f"task.{name}": count for name, count in self.tasks.items()}
        named |= {f"pool.{name}": count for name, count in self.pools.items()}
        named |= {f"contaminated.{bank}": count for bank, count in self.contaminated.items()}
        numbers = {f"pairs.{name}": float(count) for name, count in named.items()}
        numbers |= {f"pairs.achieved.{name}": share for name, share in self.achieved.items()}
        for step in self.funnel:
            numbers[f"pairs.{step.stage}.kept"] = float(step.kept)
            numbers |= {f"pairs.{step.stage}.dropped.{why}": float(count) for why, count in step.dropped.items()}
        return numbers

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Tables by file name."""
        mixed = [
            {"pool": name, "records": count, "short": self.short.get(name, 0)} for name, count in self.pools.items()
        ]
        return {
            "pairs/funnel.json": rows(self.funnel),
            "pairs/tasks.json": [{"task": name, "count": count} for name, count in self.tasks.items()],
            "pairs/pools.json": mixed,
            "pairs/lengths.json": [{"characters": name, "count": count} for name, count in self.lengths.items()],
        }

    def histograms(self) -> dict[str, dict[str, float]]:
        """Histograms by name, to be drawn."""
        return {
            "task": {name: float(count) for name, count in self.tasks.items()},
            "characters per pair": {name: float(count) for name, count in self.lengths.items()},
        }
