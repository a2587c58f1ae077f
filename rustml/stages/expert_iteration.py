"""Fine-tune a version on the best of its own answers, round after round, and register the result."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from rustml import chat
from rustml.errors import InputError
from rustml.generation.sampling import Engine
from rustml.judge.judging import Judging
from rustml.profile import Profile
from rustml.profile.load import changed
from rustml.profile.sft import SftSection
from rustml.profile.sources import PairsSource, ValidationSection
from rustml.progress import ProgressCallback
from rustml.release import versions
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.runs.environment import libraries
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.computing import resolved
from rustml.stages.from_version import run_from_version
from rustml.stages.judging import judging_environment, open_judge
from rustml.stages.training_environment import training_environment
from rustml.training import launch, sources
from rustml.training.job import Job
from rustml.training.machine_check import check_machine, check_switches
from rustml.training.sources import prompt_problems

if TYPE_CHECKING:
    from rustml.training.expert_iteration import Plan, Told

ROUNDS = "rounds"
"""Folder of the output with answers, records and their provenance, by round."""


def training_section(profile: Profile) -> SftSection:
    """How each round is fine-tuned. Raises ProfileError for changes that the profile's types refuse."""
    section = changed(profile, profile.expert_iteration.changes, "expert_iteration.changes").sft
    mixed = {"answers": PairsSource(file="train"), **profile.expert_iteration.sources}
    return replace(section, sources=mixed, validation=ValidationSection(every=0, records=0))


def environment(profile: Profile) -> Mapping[str, str]:
    """What trains, what draws answers, and what judges."""
    engine = libraries(profile.expert_iteration.engine)
    return {**training_environment(training_section(profile)), **engine, **judging_environment(profile)}


SECTIONS = (
    "chat",
    "checkpoints",
    "compute",
    "evaluation.dependencies",
    "expert_iteration",
    "grpo.prompt_pool",
    "grpo.prompt_files",
    "judge",
    "sft",
)
STAGE = Stage("expert_iteration", SECTIONS, __name__, environment=environment, reads_for="training")


def run(
    profile: Profile,
    *,
    version: str,
    bank: str,
    pairs: str = "",
    step: str = "",
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage on a version that came through the gate before it on the profile's ladder, or find that run.

    `pairs` is needed where `expert_iteration.sources` names records of that stage; `step` is the step of the ladder to
    make a version for, empty for the first that this stage makes. Raises InputError where the ladder leaves the stage
    out, EvidenceError when the version's evidence does not hold.
    """
    made = step_to_make(profile, STAGE.name, step)
    profile = resolved(profile_of(profile, made.name))
    check(profile)
    start = required_version(profile, made, version)
    named = profile.expert_iteration.sources
    reads_pairs = any(isinstance(source, PairsSource) for source in named.values())
    if reads_pairs and not pairs:
        raise InputError("expert_iteration.sources names records of the stage pairs: give its run (pairs)")
    train = partial(_train, profile, start.folder, start.name)
    inputs = {"bank": bank, **({"pairs": pairs} if reads_pairs else {})}
    return run_from_version(STAGE, profile, made, start, train, inputs, parent=parent, reuse=reuse)


def check(profile: Profile) -> None:
    """Refuse what cannot be trained, before anything is loaded. Raises InputError and EnvironmentFault."""
    section = training_section(profile)
    check_machine(section.optimizer, profile.compute.dtype, "sft.optimizer")
    check_switches(section, profile.launch)
    sources.check(profile.expert_iteration.sources, "expert_iteration.sources", profile.pairs)
    launch.check(profile.launch, section.batch_size, "sft.batch_size")


def _train(profile: Profile, folder: Path, name: str, space: Workspace) -> Outcome:
    """Train the checkpoint in `folder`, which an adapter records under `name`."""
    from rustml.models import checkpoint, compute  # noqa: PLC0415
    from rustml.training import expert_iteration, selection  # noqa: PLC0415  torch and trl take seconds to load

    lints = selection.asks_for_lints(profile.expert_iteration)
    with (
        open_judge(profile, space.cache, lints=lints, keep=False) as judge,
        Progress("expert iteration") as progress,
    ):

        def told(what: str) -> ProgressCallback:
            progress.begin(what)
            return progress

        def log(step: int, metrics: dict[str, float]) -> None:
            space.log(step, {f"expert_iteration.{name}": value for name, value in metrics.items()})

        machine = compute.of_profile(profile.compute)
        job = Job(folder, space.out / versions.MODEL, space.scratch, profile.seed, machine, log, name)
        facts = expert_iteration.train(_plan(profile, space, judge, told), job)
    records = space.out / ROUNDS / str(profile.expert_iteration.rounds) / expert_iteration.RECORDS
    metrics = {f"expert_iteration.{name}": value for name, value in facts.items()}
    tags = {chat.TAG: chat.digest(checkpoint.load_tokenizer(folder))}
    return Outcome(metrics, datasets={"records": records}, tags=tags)


def _open_engine(profile: Profile, model: Path) -> Engine:
    from rustml.generation.engines import ENGINES  # noqa: PLC0415
    from rustml.generation.setup import Setup  # noqa: PLC0415

    section, compute = profile.expert_iteration, profile.compute
    key = "expert_iteration.engine"
    setup = Setup(profile.chat, model, compute.dtype, compute.attention, section.sequences, engine_key=key)
    return ENGINES[section.engine](setup)


def _plan(profile: Profile, space: Workspace, judge: Judging, told: "Told") -> "Plan":
    from rustml.training.expert_iteration import Plan  # noqa: PLC0415

    section, bank = profile.expert_iteration, space.inputs["bank"]
    return Plan(
        problems=prompt_problems(bank, profile.grpo.prompt_pool, profile.grpo.prompt_files),
        texts=sources.texts(section.sources, bank, space.inputs.get("pairs", bank), profile.seed),
        judge=judge,
        open_engine=partial(_open_engine, profile),
        section=section,
        training=training_section(profile),
        launch=profile.launch,
        records=space.out / ROUNDS,
        told=told,
    )
