"""Fine-tune the base model, or a version of it, on Rust pairs and register the result."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rustml import chat
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.release import versions
from rustml.release.evidence import VerifiedVersion
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages import sft_preparation as preparation
from rustml.stages.computing import resolved
from rustml.stages.shards import in_shards
from rustml.stages.training_environment import training_environment
from rustml.training import launch, sources
from rustml.training.job import Job, Log
from rustml.training.machine_check import check_machine, check_switches

if TYPE_CHECKING:
    from rustml.stages.report.judged_sample import JudgedSample
    from rustml.training.report.cost import Estimate

ANSWERS = "sft/answers.json"
"""The artifact of the answers that `sft.judged` asks for."""
STAGE = Stage(
    "sft",
    ("checkpoints", "compute", "sft"),
    __name__,
    environment=lambda p: training_environment(p.sft),
    reads_for="training",
)


def run(  # noqa: PLR0913  one per option of the command
    profile: Profile,
    *,
    bank: str,
    pairs: str,
    base: str = "",
    version: str = "",
    step: str = "",
    parent: str | None = None,
    name: str = "",
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage, or find the run that did the same; either way its version is registered.

    It starts from the run of the base model, or, for a later phase of the ladder, from a version that came through the
    gate before it. `step` is the step of the ladder to make a version for; empty for the first that this stage makes.
    `name` is the run's, in the place of one that says what was trained.
    Raises InputError where the start is missing or `sft.sources` names a task that does not exist, EvidenceError when
    the version's evidence does not hold.
    """
    if not (bank and pairs):
        raise InputError("SFT reads problems and pairs: give their runs (bank, pairs)")
    target = step_to_make(profile, STAGE.name, step)
    start = required_version(profile, target, version) if target.requires else None
    if start is None and not base:
        raise InputError(f"step {target.name} starts from the base model: give its run (base)")
    inputs = {"bank": bank, "pairs": pairs, **({} if start else {"base": base})}
    title = name or f"{target.name} of {f'version {start.version}' if start else 'base'}, {profile.name}"
    finished_run = trained(profile_of(profile, target.name), inputs, start, parent, title, reuse=reuse)
    parent_version = start.version if start else ""
    versions.ensure(profile.registered_model, finished_run.run_id, parent=parent_version, step=target.name)
    return finished_run


def trained(
    profile: Profile,
    inputs: Mapping[str, str],
    start: VerifiedVersion | None,
    parent: str | None,
    title: str,
    *,
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage, or find the run that did the same, without a version in the registry.

    `inputs` maps roles to runs; without `start` one of them is the base. `title` is the run's name. Raises InputError
    as `run` does.
    """
    profile = resolved(profile)
    check(profile)

    def body(space: Workspace) -> Outcome:
        if start is not None:
            return _train(profile, start.folder, start.name, space)
        return _train(profile, space.inputs["base"] / versions.MODEL, inputs["base"], space)

    params = {"weights": start.decision.candidate_weights} if start else {}
    sharded = in_shards(profile, body)
    return tracking.run_stage(
        STAGE, profile, sharded, inputs=inputs, params=params, parent=parent, reuse=reuse, title=title
    )


def check(profile: Profile) -> None:
    """Refuse what cannot be trained, before anything is loaded.

    Raises InputError for a source that cannot be, a step that the processes cannot share equally, and a dtype that
    cannot train; EnvironmentFault for an optimizer or a switch that this machine cannot run.
    """
    check_machine(profile.sft.optimizer, profile.compute.dtype, "sft.optimizer")
    check_switches(profile.sft, profile.launch)
    sources.check(profile.sft.sources, "sft.sources", profile.pairs)
    world = launch.check(profile.launch, profile.sft.batch_size, "sft.batch_size")
    try:
        profile.sft.records_per_pass(world)
    except ValueError as error:
        raise InputError(f"sft: {error}; launch.processes says how many there are") from error


def say(text: str) -> None:
    """A line of what is known before the first step."""
    click.echo(f"  {text}")


def _train(profile: Profile, folder: Path, name: str, space: Workspace) -> Outcome:
    """Train the checkpoint in `folder`, which an adapter records under `name`."""
    from rustml.models import compute  # noqa: PLC0415
    from rustml.stages.report import judged_sample  # noqa: PLC0415
    from rustml.training import preconditions, sft, validation  # noqa: PLC0415
    from rustml.training.methods.base import model_shape  # noqa: PLC0415
    from rustml.training.report import hardware  # noqa: PLC0415
    from rustml.training.token_cache import TokenCache  # noqa: PLC0415

    section, seed = profile.sft, profile.seed
    bank, pairs = space.inputs["bank"], space.inputs["pairs"]
    machine, shape, machinery = compute.of_profile(profile.compute), model_shape(folder), hardware.probe(space.scratch)
    say(hardware.line(machinery))
    say(f"computing in {machine.dtype} with attention {machine.attention}; {preparation.step_of(profile)}")
    preconditions.check_model(section, shape)
    preconditions.check_disk(section, shape, machine, space.scratch)
    tokenise = TokenCache(space.cache.tokens).encode
    tokenizer, mixed = preparation.mixture(profile, folder, shape, bank, pairs, tokenise)
    held_out = validation.held_out(tokenizer, section, mixed.counts, bank, pairs, seed)
    memory = preparation.plan(profile, section, mixed.rows, shape, machine)
    steps = sft.length(mixed.rows, section, seed)
    hours = preparation.expected(profile, mixed.rows, shape, machine, steps)
    with judged_sample.opened(profile, space) as sample, Progress("sft", steps) as progress:
        curve = _curve(hours, sample, progress, space)
        job = Job(folder, space.out / versions.MODEL, space.scratch, seed, machine, curve, name)
        task = partial(sft.train, mixed.rows, section, held_out=held_out, asked=sample.asked(section.judged))
        facts = launch.train(task, job, profile.launch)
    metrics = {**mixed.metrics("sft"), **{f"sft.{name}": value for name, value in facts.items()}}
    answers = sample.rows()
    tables = {"memory.json": memory.rows(), "hardware.json": machinery} | ({ANSWERS: answers} if answers else {})
    return Outcome(metrics, tables=tables, tags={chat.TAG: chat.digest(tokenizer)})


def _curve(hours: "Estimate", sample: "JudgedSample", progress: Progress, space: Workspace) -> Log:
    """What takes the metrics of a step: answers among them are judged, and hours are told once they are measured."""
    from rustml.training.report.cost import Measured  # noqa: PLC0415

    measured = Measured(hours, say)
    say(hours.line())

    def curve(step: int, metrics: dict[str, float]) -> None:
        progress(step)
        every = {**sample.curves(step, metrics), **measured(step, metrics)}
        space.log(step, {f"sft.{name}": value for name, value in every.items()})

    curve(0, hours.metrics(hours.rate, "estimated"))
    return curve
