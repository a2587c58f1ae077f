"""A lifecycle in one process: real stages, registry and gates; only what the stages compute is made up."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rustml.evaluation.results.report_file import REPORT
from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import WEIGHTS_RUN_TAG
from rustml.runs import tracking
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages import children, lifecycle
from tests.support.evaluations import evaluation_of

RUST_ITEMS, PYTHON_ITEMS = 200, 300
TRAINED = ("base", "sft", "grpo", "expert_iteration", "quantize", "int4")
Passed = Callable[[int], tuple[int, int]]
"""Rust and Python items that the n-th model passes; 0 is the base model."""


class FakeStages:
    """Replaces the bodies of stages and the child processes of the lifecycle; notes each stage that ran."""

    def __init__(self, patch: pytest.MonkeyPatch, passed: Passed) -> None:
        self.ran: list[tuple[str, Profile, Mapping[str, str]]] = []
        """Name, profile and inputs (run ids) of the stages that were not reused, in order."""
        self.smoke_passed = 8
        """Answers of a server that pass."""
        self.breaks: dict[str, BaseException] = {}
        """What a stage raises in the place of its next end, by its name, of an evaluation with its suites as well."""
        self._passed = passed
        self._models: list[str] = []
        self._run_stage = tracking.run_stage
        patch.setattr(tracking, "run_stage", self.run_stage)
        patch.setattr(children, "call", lambda name, profile, options: _module(name).run(profile, **options))
        patch.setattr(lifecycle, "preflight", lambda _profile: None)

    def run_stage(
        self, stage: Stage, profile: Profile, _body: object, *, params: Mapping[str, str] | None = None, **options: Any
    ) -> tracking.Finished:
        def body(space: Workspace) -> Outcome:
            for name in {stage.name, f"{stage.name} {(params or {}).get('suites', '')}"} & self.breaks.keys():
                raise self.breaks.pop(name)
            self.ran.append((stage.name, profile, options.get("inputs") or {}))
            if stage.name in TRAINED:
                self._train(space.out / versions.MODEL)
            elif stage.name == "evaluate":
                return self._evaluate(space, (params or {})["weights"])
            else:
                (space.out / "crates.jsonl").write_text("")  # what `harvest` is found again by
            return Outcome({"serve.passed": self.smoke_passed})

        return self._run_stage(stage, profile, body, params=params, **options)

    def names(self) -> list[str]:
        return [name for name, _, _ in self.ran]

    def run_of(self, stage: str) -> str:
        """The newest run of a stage."""
        return next(tracking.complete_runs(stage))

    def profiles(self, stage: str) -> list[Profile]:
        return [profile for name, profile, _ in self.ran if name == stage]

    def _train(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(f"weights {len(self._models)}".encode())
        (folder / "config.json").write_text("{}")
        self._models.append(versions.checkpoint(str(folder), "").digest)

    def _evaluate(self, space: Workspace, digest: str) -> Outcome:
        rust, python = self._passed(self._models.index(digest))
        right = [number < rust for number in range(RUST_ITEMS)]
        report = evaluation_of(digest, rust=right, rust_sampled=right, python=[n < python for n in range(PYTHON_ITEMS)])
        report.save(space.out / REPORT)
        return Outcome(report.metrics(), tags={WEIGHTS_RUN_TAG: digest})


def _module(name: str) -> Any:
    return importlib.import_module(name)
