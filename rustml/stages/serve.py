"""Serve a version with vLLM; check its answers first."""

import contextlib
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rustml.errors import RustmlError
from rustml.profile import Profile
from rustml.records import Problem, write_jsonl
from rustml.release import registry, versions
from rustml.release.evidence import verify
from rustml.release.registry import STEPS, gate_tag
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages import inputs

if TYPE_CHECKING:
    from rustml.serving.smoke import Answer

STAGE = Stage("serve", ("serve", "judge"), __name__)


def run(
    profile: Profile,
    *,
    model: str,
    stay: bool = False,
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Serve a version whose evidence holds, ask it held-out tasks and judge the answers; with `stay`, go on serving.

    `model` is an alias, or a version's number that is the champion. Raises EvidenceError when the evidence does not
    hold, RustmlError when too few answers pass.
    """
    client, name = tracking.client(), profile.registered_model
    step = next((step for step in STEPS if step == model), None)
    number = registry.holder(client, name, step) if step else versions.version_number(model, name)
    verified = verify(client, name, number, step or "champion")
    evaluation = registry.version_of(client, name, number).tags[gate_tag(step or "champion", "candidate_evaluation")]
    bank = tracking.finished(evaluation).tags["rustml.input.bank"]

    def body(space: Workspace) -> Outcome:
        return _serve(profile, verified.folder, space, stay=stay)

    params = {"weights": verified.decision.candidate_weights}
    return tracking.run_stage(
        STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=reuse and not stay
    )


def _serve(profile: Profile, folder: Path, space: Workspace, *, stay: bool) -> Outcome:
    from rustml.serving.engines.vllm import serving  # noqa: PLC0415

    section, name, log = profile.serve, profile.registered_model, space.report / "vllm.log"
    problems = inputs.held_out(space.inputs["bank"], "rust-dev", section.smoke_problems)
    waiting = Progress("seconds until vLLM answers", int(section.startup_seconds))
    started = time.monotonic()
    with serving(folder, name, section, log, waiting) as url:
        ready = time.monotonic() - started
        answers = _ask(profile, url, problems)
        passed = sum(answer.status == "passed" for answer in answers)
        click.echo(f"  {url}: {passed} of {len(answers)} held-out tasks answered right")
        if passed < section.smoke_passes:
            raise RustmlError(f"the server answers, but only {passed} of {len(answers)} answers pass; see {log}")
        if stay:
            _stay(url, name)
    write_jsonl(space.out / "answers.jsonl", answers)
    return Outcome({"serve.ready_seconds": ready, "serve.asked": len(answers), "serve.passed": passed})


def _ask(profile: Profile, url: str, problems: list[Problem]) -> "list[Answer]":
    from rustml.judge import Judge, Limits  # noqa: PLC0415
    from rustml.serving.smoke import ask  # noqa: PLC0415

    with Judge(Limits.from_section(profile.judge), lints=False) as judge:
        return ask(url, profile.registered_model, problems, judge, profile.serve)


def _stay(url: str, name: str) -> None:
    click.echo(f"  serving {name} at {url} until Ctrl-C")
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
