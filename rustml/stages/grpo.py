"""Teach a version with the compiler as reward and register the result."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rustml import chat
from rustml.cache_layout import CacheLayout
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.profile.grpo import GrpoSection
from rustml.records import Problem, read_jsonl
from rustml.release import versions
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.sharding.plots import draw_histogram
from rustml.stages.computing import resolved
from rustml.stages.from_version import run_from_version
from rustml.stages.judging import judging_environment, open_judge
from rustml.stages.training_environment import training_environment
from rustml.training import launch
from rustml.training.job import Job
from rustml.training.machine_check import check_machine, check_method
from rustml.training.sources import prompt_problems

if TYPE_CHECKING:
    from rustml.training.curriculum import Chosen
    from rustml.training.grpo import OpenJudge


def environment(profile: Profile) -> Mapping[str, str]:
    """What trains, what judges, and in how many processes: each draws its answers by its own random numbers."""
    processes = {"processes": str(launch.world(profile.launch))}
    return {**training_environment(profile.grpo), **judging_environment(profile), **processes}


CANARY_TAG = "rustml.canary"
"""Tag of a run whose training the canary ended: the reason."""
SECTIONS = ("chat", "checkpoints", "compute", "evaluation.dependencies", "grpo", "judge")
STAGE = Stage("grpo", SECTIONS, __name__, environment=environment, reads_for="training")


def run(
    profile: Profile, *, version: str, bank: str, step: str = "", parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage on a version that came through the gate before it on the profile's ladder, or find that run.

    `step` is the step of the ladder to make a version for; empty for the first that this stage makes.
    Raises InputError where the ladder leaves the stage out, EvidenceError when the version's evidence does not hold.
    """
    made = step_to_make(profile, STAGE.name, step)
    profile = resolved(profile_of(profile, made.name))
    check(profile)
    start = required_version(profile, made, version)
    train = partial(_train, profile, start.folder, start.name, start.decision.candidate_weights)
    return run_from_version(STAGE, profile, made, start, train, {"bank": bank}, parent=parent, reuse=reuse)


def check(profile: Profile) -> None:
    """Refuse what cannot be trained, before anything is loaded.

    Raises InputError for a step that the processes cannot share equally and for a dtype that cannot train,
    EnvironmentFault for an optimizer that this machine cannot run.
    """
    check_machine(profile.grpo.optimizer, profile.compute.dtype, "grpo.optimizer")
    check_method(profile.grpo.method, "grpo.method")
    world = launch.check(profile.launch, profile.grpo.prompts_per_step, "grpo.prompts_per_step")
    try:
        profile.grpo.answers_per_pass(world)
    except ValueError as error:
        raise InputError(f"grpo: {error}; launch.processes says how many there are") from error


def _retention(section: GrpoSection, space: Workspace) -> list[Problem]:
    """The problems that the canary checks; none where the profile checks none.

    Raises InputError for a file that is missing, empty, or trained on.
    """
    canary = section.canary
    if not canary.every:
        return []
    if canary.file in {"rust-train", "python-train", *section.prompt_files}:
        raise InputError(f"grpo.canary.file: {canary.file} is trained on; name a file of held-out problems")
    problems = list(islice(read_jsonl(space.inputs["bank"] / f"{canary.file}.jsonl", Problem), canary.problems))
    if not problems:
        raise InputError(f"grpo.canary.file: {canary.file} holds no problem; name another one, or set canary.every: 0")
    return problems


def _dev(section: GrpoSection, space: Workspace) -> list[Problem]:
    """The problems by which a checkpoint is chosen; none where the profile keeps the last one."""
    file = space.inputs["bank"] / "rust-dev.jsonl"
    return list(islice(read_jsonl(file, Problem), section.dev.problems)) if section.dev.every else []


def _probe_file(profile: Profile, weights: str, template: str, pool: Sequence[Problem], cache: CacheLayout) -> Path:
    """Where the pass rates of a version are kept: they depend on nothing but what the name is made of."""
    section = profile.grpo
    sampling = [section.probe_samples, section.temperature, section.max_new_tokens, profile.seed]
    what = [weights, template, sampling, profile.compute, profile.judge, sorted(environment(profile).items()), pool]
    return cache.probes / f"{hashlib.sha256(msgspec.json.encode(what)).hexdigest()}.jsonl"


def _draw_difficulty(difficulty: Mapping[int, int], samples: int, folder: Path) -> None:
    """A picture of how many problems the version solves how often."""
    bars = {str(count): float(difficulty.get(count, 0)) for count in range(samples + 1)}
    folder.mkdir(parents=True, exist_ok=True)
    draw_histogram(f"problems by answers of {samples} that pass", bars, folder / "difficulty.png")


def _chosen(profile: Profile, folder: Path, weights: str, template: str, space: Workspace) -> "Chosen":
    """The problems to train on."""
    from rustml.generation.engines.transformers import TransformersEngine  # noqa: PLC0415
    from rustml.generation.setup import Setup  # noqa: PLC0415
    from rustml.training import curriculum  # noqa: PLC0415

    section = profile.grpo
    pool = prompt_problems(space.inputs["bank"], section.prompt_pool, section.prompt_files)
    if section.probe_samples == 0:
        return curriculum.all_of(pool)
    size = curriculum.PROBE_BATCH * section.probe_samples
    setup = Setup(profile.chat, folder, profile.compute.dtype, profile.compute.attention, size)
    probing = Progress("prompts probed", len(pool))
    kept = _probe_file(profile, weights, template, pool, space.cache)
    with open_judge(profile, space.cache, lints=False, keep=False) as judge:
        chosen = curriculum.choose(lambda: TransformersEngine(setup), pool, judge, section, profile.seed, probing, kept)
    _draw_difficulty(chosen.difficulty, section.probe_samples, space.report / "plots")
    return chosen


def _judge_of_process(profile: Profile, cache: CacheLayout) -> "OpenJudge":
    """Opens the judge of one training process: those of one machine share its processors."""
    lints, processes = profile.grpo.reward_clippy != 0, launch.processes_here(profile.launch)
    workers = max(1, len(os.sched_getaffinity(0)) // processes) if processes > 1 else None
    layout = CacheLayout(cache.root.resolve())
    return partial(open_judge, profile, layout, lints=lints, keep=False, workers=workers)


def _train(profile: Profile, folder: Path, name: str, weights: str, space: Workspace) -> Outcome:
    """Train the checkpoint in `folder`, of the digest `weights`, which an adapter records under `name`."""
    from rustml.models import checkpoint, compute  # noqa: PLC0415
    from rustml.training import canary, grpo, reward  # noqa: PLC0415  torch and trl take seconds to load
    from rustml.training.report import curves  # noqa: PLC0415

    section, template = profile.grpo, chat.digest(checkpoint.load_tokenizer(folder))
    dev, retention = _dev(section, space), _retention(section, space)
    chosen, kept = _chosen(profile, folder, weights, template, space), curves.CurveFile(space.scratch / "curves.jsonl")
    with Progress("grpo", grpo.length(len(chosen.problems), section)) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            kept.note(step, metrics)
            space.log(step, {f"grpo.{name}": value for name, value in metrics.items()})

        machine = compute.of_profile(profile.compute)
        job = Job(folder, space.out / versions.MODEL, space.scratch, profile.seed, machine, log, name)
        opens, rates = _judge_of_process(profile, space.cache), chosen.rates
        task = partial(grpo.train_with, opens, chosen.problems, section, dev=dev, retention=retention, rates=rates)
        facts = launch.train(task, job, profile.launch)
    curves.draw(f"GRPO of {name or folder.name}, {profile.name}", kept.read(), space.report / "plots" / "curves.png")
    prompts = {f"grpo.prompts.{name}": float(count) for name, count in chosen.counts.items()}
    metrics = {**prompts, **{f"grpo.{name}": value for name, value in facts.items()}}
    tables = {"grpo/samples.json": reward.samples(space.scratch / reward.SAMPLES)}
    tags = {chat.TAG: template, CANARY_TAG: canary.reason(space.scratch)}
    return Outcome(metrics, tables, tags={name: text for name, text in tags.items() if text})
