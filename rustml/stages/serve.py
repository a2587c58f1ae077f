"""Serve a version; check its answers first."""

import contextlib
import socket
from collections.abc import Mapping
from pathlib import Path

import click

from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.profile import Profile
from rustml.profile.serve import ServeSection
from rustml.records import write_jsonl
from rustml.release import versions
from rustml.release.evidence import VerifiedVersion, check_evidence, check_evidence_and_alias
from rustml.release.ladder import Step, ladder_of, thresholds_of
from rustml.release.registry import Registry, open_registry
from rustml.runs import tracking
from rustml.runs.environment import device, libraries_and_device
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.serving import listener
from rustml.serving.engines import ENGINES
from rustml.stages import served_versions
from rustml.stages.judging import judging_environment
from rustml.stages.served_versions import ServedVersions

WATCH_SHARE = 0.5
"""Largest share of a GPU's memory where two versions stand side by side during a swap."""


def environment(profile: Profile) -> Mapping[str, str]:
    """What answers, and what judges."""
    return {**libraries_and_device(ENGINES[profile.serve.engine].package), **judging_environment(profile)}


STAGE = Stage("serve", ("serve", "judge", "evaluation.dependencies"), __name__, environment=environment)


def run(
    profile: Profile,
    *,
    model: str,
    stay: bool = False,
    watch: bool = False,
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Serve a version whose evidence holds, ask it held-out tasks and judge the answers; with `stay`, go on serving.

    `model` is an alias of the profile's ladder, or the number of a version that came through its last gate. With
    `watch` the server follows the alias, wherever it is moved among versions that came through the gate. Raises
    EvidenceError when the evidence does not hold, SmokeFailed when too few answers pass, EnvironmentFault where the
    port is taken, InputError where an address that others reach has no key.
    """
    registry, ladder = open_registry(profile.registered_model), ladder_of(profile)
    step = ladder.step(model) if model in ladder.names else ladder.steps[-1]
    is_alias = model == step.name
    number = _holder(registry, model) if is_alias else versions.version_number(model, profile.registered_model)
    if watch:
        _check_watch(profile.serve, model, is_alias=is_alias)
    check = check_evidence if watch else check_evidence_and_alias
    verified = check(registry, number, step, thresholds=thresholds_of(profile, step.name))
    if verified.in_spite:
        click.secho(f"  WARNING: {verified.label} is {step.name}{verified.in_spite}", fg="yellow")
    if stay or watch:
        return _stay(profile, registry, step, verified, parent=parent, watch=watch)
    bank = served_versions.bank_of(registry, number, step)
    return smoke(profile, number, verified.folder, bank, parent=parent, reuse=reuse)


def smoke(
    profile: Profile, number: str, folder: Path, bank: str, *, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Serve the checkpoint in `folder`, version `number`, ask it held-out tasks, judge the answers with clippy, end it.

    `bank` is the run of the problems. Raises SmokeFailed when too few answers pass, EnvironmentFault where the server
    does not start or answer.
    """

    def body(space: Workspace) -> Outcome:
        problems = served_versions.smoke_problems(profile, bank)
        with served_versions.start(profile, number, folder, problems, space) as (_, answers, metrics):
            write_jsonl(space.out / "answers.jsonl", answers)
            return Outcome(metrics)

    params = {"weights": checkpoint.digest(folder)}
    return tracking.run_stage(STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=reuse)


def _holder(registry: Registry, alias: str) -> str:
    number = registry.aliases().get(alias, "")
    if not number:
        raise InputError(f"no version of {registry.model} is {alias} yet: promote one with `promote -P to={alias}`")
    return number


def _stay(
    profile: Profile, registry: Registry, step: Step, verified: VerifiedVersion, *, parent: str | None, watch: bool
) -> tracking.Finished:
    """Serve until interrupted, then end what is in flight and log how it began."""
    section = profile.serve
    key, secret = listener.access_key(section), listener.webhook_secret(section)

    def body(space: Workspace) -> Outcome:
        served = ServedVersions(profile, registry, step, space)
        _serve(section, served, verified.version, bound, space, (key, secret), watch=watch)
        write_jsonl(space.out / "answers.jsonl", served.answers)
        return Outcome(served.metrics)

    bank = served_versions.bank_of(registry, verified.version, step)
    params = {"weights": verified.decision.candidate_weights}
    with contextlib.closing(listener.listen(section)) as bound:
        return tracking.run_stage(
            STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=False
        )


def _serve(
    section: ServeSection,
    served: ServedVersions,
    number: str,
    bound: socket.socket,
    space: Workspace,
    secrets: tuple[str, str],
    *,
    watch: bool,
) -> None:
    from rustml.serving.access_log import AccessLog  # noqa: PLC0415
    from rustml.serving.front import Front  # noqa: PLC0415
    from rustml.serving.watch import Watch  # noqa: PLC0415

    log, (key, webhook) = AccessLog(space.report / "access.jsonl"), secrets
    front = Front(bound, section, log=log, key=key, webhook=webhook)
    with contextlib.closing(Watch(front, served, lambda text: click.echo(f"  {text}"))) as server, front:
        server.begin(number)
        click.echo(f"  serving version {number} at {listener.url(bound, section)} until Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            server.follow(section.poll_seconds) if watch else server.hold()
        click.echo(f"  ending: requests in flight have {section.drain_seconds:g} s")


def _check_watch(section: ServeSection, model: str, *, is_alias: bool) -> None:
    if not is_alias:
        raise InputError(f"watch follows an alias, and {model!r} is a version: give the alias, such as champion")
    if section.memory_share > WATCH_SHARE and device() != "cpu":
        raise InputError(
            f"serve.memory_share is {section.memory_share:g}: a server that watches holds two versions during a swap, "
            f"so set it to {WATCH_SHARE:g} or less"
        )
