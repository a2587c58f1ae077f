"""Serve a version; check its answers first."""

import contextlib
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rustml.cache_layout import CacheLayout
from rustml.errors import RustmlError
from rustml.profile import Profile
from rustml.records import Problem, write_jsonl
from rustml.release import versions
from rustml.release.evidence import check_evidence_and_alias
from rustml.release.ladder import ladder_of, thresholds_of
from rustml.release.registry import gate_tag, open_registry
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.serving.engines import ENGINES
from rustml.stages import inputs
from rustml.stages.judging import judging_environment, open_judge

if TYPE_CHECKING:
    from rustml.serving.smoke import Answer


def environment(profile: Profile) -> Mapping[str, str]:
    """What answers, and what judges."""
    return {**libraries_and_device(ENGINES[profile.serve.engine].package), **judging_environment(profile)}


STAGE = Stage("serve", ("serve", "judge"), __name__, environment=environment)


def run(
    profile: Profile,
    *,
    model: str,
    stay: bool = False,
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Serve a version whose evidence holds, ask it held-out tasks and judge the answers; with `stay`, go on serving.

    `model` is an alias of the profile's ladder, or the number of a version that came through its last gate. Raises
    EvidenceError when the evidence does not hold, RustmlError when too few answers pass.
    """
    registry, ladder = open_registry(profile.registered_model), ladder_of(profile)
    step = ladder.step(model) if model in ladder.names else ladder.steps[-1]
    is_alias = model == step.name
    number = registry.holder(model) if is_alias else versions.version_number(model, profile.registered_model)
    verified = check_evidence_and_alias(registry, number, step, thresholds=thresholds_of(profile, step.name))
    if verified.in_spite:
        click.secho(f"  WARNING: {verified.label} is {step.name}{verified.in_spite}", fg="yellow")
    evaluation = registry.version(number).tags[gate_tag(step.name, "candidate_evaluation")]
    bank = tracking.finished(evaluation).tags["rustml.input.bank"]

    def body(space: Workspace) -> Outcome:
        return _serve(profile, verified.folder, space, stay=stay)

    params = {"weights": verified.decision.candidate_weights}
    return tracking.run_stage(
        STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=reuse and not stay
    )


def _serve(profile: Profile, folder: Path, space: Workspace, *, stay: bool) -> Outcome:
    from rustml.serving.server import serving  # noqa: PLC0415

    section, name, log = profile.serve, profile.registered_model, space.report / f"{profile.serve.engine}.log"
    problems = inputs.held_out(space.inputs["bank"], "rust-dev", section.smoke_problems)
    progress = Progress(f"seconds until {section.engine} answers", int(section.startup_seconds))
    started = time.monotonic()
    served, merged = _servable(folder, profile, space)
    with serving(served, name, section, log, progress) as url:
        ready = time.monotonic() - started
        answers = _ask(profile, url, problems, space.cache)
        passed = sum(answer.status == "passed" for answer in answers)
        click.echo(f"  {url}: {passed} of {len(answers)} held-out tasks answered right")
        if passed < section.smoke_passes:
            raise RustmlError(f"the server answers, but only {passed} of {len(answers)} answers pass; see {log}")
        if stay:
            _stay(url, name)
    write_jsonl(space.out / "answers.jsonl", answers)
    return Outcome({"serve.ready_seconds": ready, "serve.asked": len(answers), "serve.passed": passed, **merged})


def _servable(folder: Path, profile: Profile, space: Workspace) -> tuple[Path, dict[str, float]]:
    """The checkpoint that the engine serves: `folder`, or the adapter in it merged, with what merging changed."""
    from rustml.models.merge import merge  # noqa: PLC0415  torch takes seconds to load

    obstacle = ENGINES[profile.serve.engine].obstacle(folder)
    if not obstacle:
        return folder, {}
    click.echo(f"  the adapter is merged into its base before it is served: {obstacle}")
    change = merge(folder, space.scratch / versions.MODEL)
    return space.scratch / versions.MODEL, {f"serve.merge.{name}": value for name, value in change.items()}


def _ask(profile: Profile, url: str, problems: list[Problem], cache: CacheLayout) -> "list[Answer]":
    from rustml.serving.smoke import ask  # noqa: PLC0415

    with open_judge(profile, cache, lints=False, keep=False) as judge:
        return ask(url, profile.registered_model, problems, judge, profile.serve)


def _stay(url: str, name: str) -> None:
    click.echo(f"  serving {name} at {url} until Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
