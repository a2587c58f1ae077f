"""From which checkpoint a training starts, on what it computes, and where it writes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rustml.models.compute import Compute

Log = Callable[[int, dict[str, float]], None]
"""Takes a step, counted from 1, and its scalar metrics."""


@dataclass(frozen=True)
class Job:
    """What a training is given besides data and profile."""

    parent: Path
    out: Path
    """Folder of the trained checkpoint."""
    scratch: Path
    """Folder of the saves from which a killed training goes on; it belongs to this training alone."""
    seed: int
    compute: Compute
    log: Log
    parent_name: str = ""
    """By which an adapter records `parent` as its base: a run, or `models:/NAME/VERSION`. Empty takes the folder."""
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """What several processes share, where more than one trains."""
