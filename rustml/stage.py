"""What a stage is, and the key by which a finished one is found again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from rustml.profile import Profile

PACKAGE = Path(__file__).resolve().parent
CODE = (".py", ".rs")


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
    code: tuple[str, ...]
    """Packages and modules below `rustml/` that it runs; a change there makes it run again."""

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
        "code": code_digest(stage.code),
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def code_digest(names: tuple[str, ...], root: Path = PACKAGE) -> str:
    """Digest of the sources, Rust among them, of the named packages and modules below `root`."""
    digest = hashlib.sha256()
    for name in sorted(names):
        place = root / name
        found = sorted(place.rglob("*")) if place.is_dir() else [place.with_suffix(".py")]
        files = [file for file in found if file.suffix in CODE]
        for file in files:
            digest.update(f"{file.relative_to(root)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def folder_digest(folder: Path) -> str:
    """Digest of a folder's relative paths and bytes, or of one file's bytes."""
    digest = hashlib.sha256()
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    for file in files:
        name = file.name if file == folder else str(file.relative_to(folder))
        digest.update(f"{name}\0{file_digest(file)}\n".encode())
    return digest.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
