"""What a stage is, and the key by which a finished one is found again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rustml.profile import Profile
from rustml.runs.code import code_digest


@dataclass
class Outcome:
    """What a stage's function hands back to be logged."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    datasets: Mapping[str, Path] = field(default_factory=dict)
    """Files or folders of the output that are data sets, by role."""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Workspace:
    """Where a stage works: its inputs by role, its output, and its report for people."""

    out: Path
    """Belongs to the stage key: a killed stage finds what it had finished."""
    report: Path
    """Plots and pages; logged, but no part of the output's digest."""
    inputs: Mapping[str, Path]
    scratch: Path
    """For files on the way; kept until the stage is complete, never logged."""
    cache: Path
    """Shared by all stages and runs; only ever a matter of speed."""
    log: Callable[[int, Mapping[str, float]], None]
    """Takes a step and its metrics, which become curves."""


@dataclass(frozen=True)
class Stage:
    """A stage's name and what its result depends on."""

    name: str
    sections: tuple[str, ...]
    """Profile keys that it reads; a change anywhere else leaves its result valid."""
    module: str
    """Where its body is: a change of any code that this module reaches makes the stage run again."""

    def workspace(
        self, outputs: Path, stage_key: str, inputs: Mapping[str, Path], log: Callable[[int, Mapping[str, float]], None]
    ) -> Workspace:
        """Folders below `outputs` that belong to the key: made, or as a killed run left them."""
        place = outputs / f"{self.name}-{stage_key[:12]}"
        space = Workspace(place / "output", place / "report", inputs, place / "scratch", outputs / "cache", log)
        for folder in (space.out, space.report, space.scratch, space.cache):
            folder.mkdir(parents=True, exist_ok=True)
        return space


def key(stage: Stage, profile: Profile, inputs: Mapping[str, str], params: Mapping[str, str]) -> str:
    """Hex digest of everything that a stage's output follows from.

    `inputs` maps roles to content digests, not to run ids: the same bytes made by another run are the same input.
    """
    parts = {
        "stage": stage.name,
        "seed": profile.seed,
        "profile": {name: msgspec.to_builtins(getattr(profile, name)) for name in sorted(stage.sections)},
        "inputs": dict(sorted(inputs.items())),
        "params": dict(sorted(params.items())),
        "code": code_digest(stage.module),
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
