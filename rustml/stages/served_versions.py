"""Versions of the registered model as a server starts them: evidence checked, answers tested."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rustml.cache_layout import CacheLayout
from rustml.errors import SmokeFailed
from rustml.profile import Profile
from rustml.records import Problem
from rustml.release import versions
from rustml.release.ladder import Step, thresholds_of
from rustml.release.registry import Registry, gate_tag
from rustml.release.served_alias import ServedAlias
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Workspace
from rustml.serving.engines import ENGINES
from rustml.serving.upstream import Upstream, serving
from rustml.stages.held_out import held_out
from rustml.stages.judging import open_judge

if TYPE_CHECKING:
    from rustml.serving.smoke import Answer

BANK, WEIGHTS = "rustml.input.bank", "rustml.param.weights"
"""Tags of a run: the run of the bank that it read, the digest of the weights that it served."""


class ServedVersions:
    """See rustml.serving.watch.Versions."""

    def __init__(self, profile: Profile, registry: Registry, step: Step, space: Workspace) -> None:
        self.answers: list[Answer] = []
        """Of the version that was started last."""
        self.metrics: dict[str, float] = {}
        """Of the same."""
        self._profile, self._registry, self._step, self._space = profile, registry, step, space
        self._alias = ServedAlias(registry, step)

    def current(self) -> str:
        """Where the alias points; empty where it points nowhere or the registry does not answer."""
        return self._alias.current()

    @contextmanager
    def start(self, number: str) -> Iterator[Upstream]:
        """An engine that serves the version. Raises EvidenceError, EnvironmentFault, or SmokeFailed."""
        verified = self._alias.verified(number, thresholds_of(self._profile, self._step.name))
        problems = smoke_problems(self._profile, bank_of(self._registry, number, self._step))
        with start(self._profile, number, verified.folder, problems, self._space) as (upstream, answers, metrics):
            self.answers, self.metrics = answers, metrics
            yield upstream

    def refused(self, number: str, reason: str) -> None:
        """Tag the version with the reason."""
        self._alias.refused(number, reason)

    def swapped(self, number: str) -> None:
        """Tag the version with what its test said."""
        passed = sum(answer.passed for answer in self.answers)
        self._alias.served(number, f"{passed} of {len(self.answers)}")


def bank_of(registry: Registry, number: str, step: Step) -> str:
    """Run of the bank that a version was measured with at its gate."""
    evaluation = registry.version(number).tags[gate_tag(step.name, "candidate_evaluation")]
    return tracking.finished(evaluation).tags[BANK]


def smoke_problems(profile: Profile, bank: str) -> list[Problem]:
    """The held-out problems that a server is asked before it serves."""
    return held_out(tracking.output(bank), "rust-dev", profile.serve.smoke_problems)


@contextmanager
def start(
    profile: Profile, number: str, folder: Path, problems: list[Problem], space: Workspace
) -> "Iterator[tuple[Upstream, list[Answer], dict[str, float]]]":
    """An engine with a version's files, the answers that it was tested with, and metrics of both.

    Raises EnvironmentFault where it does not start or does not answer, SmokeFailed where too few answers pass.
    """
    section, log = profile.serve, space.report / f"{profile.serve.engine}-v{number}.log"
    progress = Progress(f"seconds until {section.engine} answers", int(section.startup_seconds))
    started = time.monotonic()
    served, merged = servable(profile, folder, space.scratch / f"v{number}")
    with serving(served, profile.registered_model, section, log, progress, number) as upstream:
        ready = time.monotonic() - started
        answers = _test(profile, upstream, problems, space.cache)
        passed, clean = (sum(map(test, answers)) for test in (_passed, _clean))
        click.echo(f"  version {number}: {passed} of {len(answers)} held-out tasks answered right")
        if passed < section.smoke_passes:
            raise SmokeFailed(
                f"version {number} answers, but only {passed} of {len(answers)} answers pass their tests and "
                f"clippy, and serve.smoke_passes asks for {section.smoke_passes}"
            )
        counts = {"asked": len(answers), "passed": passed, "clippy_clean": clean, "ready_seconds": ready}
        yield upstream, answers, {f"serve.{name}": value for name, value in {**counts, **merged}.items()}


def servable(profile: Profile, folder: Path, scratch: Path) -> tuple[Path, dict[str, float]]:
    """The checkpoint that the engine serves: `folder`, or the adapter in it merged, with what merging changed."""
    from rustml.models.merge import merge  # noqa: PLC0415  torch takes seconds to load

    obstacle = ENGINES[profile.serve.engine].obstacle(folder)
    if not obstacle:
        return folder, {}
    click.echo(f"  the adapter is merged into its base before it is served: {obstacle}")
    change = merge(folder, scratch / versions.MODEL)
    return scratch / versions.MODEL, {f"merge.{name}": value for name, value in change.items()}


def _test(profile: Profile, upstream: Upstream, problems: list[Problem], cache: CacheLayout) -> "list[Answer]":
    from rustml.serving.smoke import ask, client  # noqa: PLC0415

    with client(upstream.socket) as http, open_judge(profile, cache, keep=False) as judge:
        return ask(http, profile.registered_model, problems, judge, profile.serve)


def _passed(answer: "Answer") -> bool:
    return answer.passed


def _clean(answer: "Answer") -> bool:
    return answer.clippy_clean is True
