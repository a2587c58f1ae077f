"""Counts by name, as a report gathers, logs and tabulates them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any


def tally(values: Iterable[str]) -> dict[str, int]:
    """How often each value occurs, in their order."""
    return dict(sorted(Counter(values).items()))


def count_metrics(prefix: str, counts: Mapping[str, float]) -> dict[str, float]:
    """Counts as metrics: `PREFIX.NAME`."""
    return {f"{prefix}.{name}": float(count) for name, count in counts.items()}


def count_rows(column: str, counts: Mapping[str, float], counted: str = "count") -> list[dict[str, Any]]:
    """Counts as a table: per name one row with the name under `column` and its count under `counted`."""
    return [{column: name, counted: count} for name, count in counts.items()]
