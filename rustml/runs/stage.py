"""What a stage is, and the key by which a finished one is found again."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec

from rustml.cache_layout import CacheLayout
from rustml.profile import Profile
from rustml.profile.section import Section
from rustml.runs.code import code_digest

MODEL = "model"
"""Folder of a checkpoint in the output of the stage that made it."""


@dataclass(frozen=True)
class SuiteData:
    """The file of an input that a suite's items come from."""

    role: str
    """Of the input: `bank`."""
    file: str
    """Within the input's output: `rust-test.jsonl`."""


@dataclass(frozen=True)
class Measured:
    """A model that a stage measured, and what its metrics were measured on."""

    label: str
    """As people name it: `sft v1`."""
    weights: str
    """Digest of the weights; of a server's model, its identity."""
    run: str
    """That made the checkpoint; empty where no run of this store did."""
    data: Mapping[str, SuiteData]
    """By prefix of the metrics: `rust.sampled_`."""


@dataclass
class Outcome:
    """What a stage's body returns to be logged."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    datasets: Mapping[str, Path] = field(default_factory=dict)
    """Files or folders of the output that are data sets, by role."""
    tags: Mapping[str, str] = field(default_factory=dict)
    measured: Measured | None = None
    """What the metrics say something about, where that is not a checkpoint of the stage's own."""
    note: str = ""
    """Markdown for the run's page: the numbers, and what to do next."""


@dataclass(frozen=True)
class Workspace:
    """Where a stage works: its inputs by role, its output, and its report for people."""

    out: Path
    """Belongs to the stage key: a stage that was killed finds here what it had finished."""
    report: Path
    """Plots and pages; logged, but not part of the output's digest."""
    inputs: Mapping[str, Path]
    scratch: Path
    """For intermediate files; kept until the stage is complete, never logged."""
    cache: CacheLayout
    """Shared by all stages and runs; it saves time only."""
    log: Callable[[int, Mapping[str, float]], None]
    """Takes a step and its metrics, which become curves."""


ProfilePath = tuple[str | int, ...]
"""A value in the profile: `("harvest", "repositories", 0, "path")`."""


def _no_contents(_: Profile) -> Mapping[ProfilePath, str]:
    return {}


def _no_environment(_: Profile) -> Mapping[str, str]:
    return {}


@dataclass(frozen=True)
class Stage:
    """A stage's name and what its result depends on."""

    name: str
    sections: tuple[str, ...]
    """Sections of the profile that it reads, or parts of one (`pairs.decontamination`); a change anywhere else leaves
    its result valid."""
    module: str
    """The module of its body: a change of any code that this module reaches makes the stage run again."""
    contents: Callable[[Profile], Mapping[ProfilePath, str]] = _no_contents
    """Values of the profile that name something outside it (a file, a folder, a repository), each with the text that
    replaces it in the key: a digest of the contents, beside the path only where the output holds the path. Raises
    InputError for something that does not exist."""
    environment: Callable[[Profile], Mapping[str, str]] = _no_environment
    """Versions of what decides the result besides code and profile: toolchain, libraries, device."""
    reads_for: Literal["input", "training", "evaluation"] = "input"
    """What its inputs are read for, as MLflow shows it beside the data sets of a run."""
    usable: Callable[[Path, CacheLayout], bool] | None = None
    """Whether a finished run's output can be taken over, where it refers to files in a cache; None takes any."""

    def settings(self, profile: Profile) -> dict[str, Any]:
        """What the stage reads of the profile, by name of section."""
        return {name: attrgetter(name)(profile) for name in self.sections}

    def workspace(
        self,
        folder: Path,
        inputs: Mapping[str, Path],
        cache: CacheLayout,
        log: Callable[[int, Mapping[str, float]], None],
    ) -> Workspace:
        """The working folders of a key in `folder`: made, or as a killed run left them."""
        space = Workspace(folder / "output", folder / "report", inputs, folder / "scratch", cache, log)
        for path in (space.out, space.report, space.scratch, space.cache.root):
            path.mkdir(parents=True, exist_ok=True)
        return space


def key(stage: Stage, profile: Profile, inputs: Mapping[str, str], params: Mapping[str, str]) -> str:
    """Hex digest of everything that decides a stage's output.

    `inputs` maps roles to content digests, not to run ids: the same bytes made by another run are the same input.
    """
    parts = {
        "stage": stage.name,
        "seed": profile.seed,
        "profile": _settings(stage, profile),
        "inputs": dict(sorted(inputs.items())),
        "params": dict(sorted(params.items())),
        "code": code_digest(stage.module),
        "environment": dict(stage.environment(profile)),
    }
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def _settings(stage: Stage, profile: Profile) -> dict[str, Any]:
    """The sections that the stage reads, contents in the place of the paths that name them."""
    read = stage.settings(profile).items()
    settings = {name: part.for_key() if isinstance(part, Section) else part for name, part in read}
    tree: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    for (*parents, last), text in stage.contents(profile).items():
        reduce(lambda node, step: node[step], parents, tree)[last] = text  # type: ignore[index]
    return tree
