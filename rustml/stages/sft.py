"""Fine-tune the base model, or a version of it, on Rust pairs and register the result."""

from pathlib import Path

from rustml import chat
from rustml.errors import InputError
from rustml.profile import Profile
from rustml.release import versions
from rustml.release.find_evidence import required_version, step_to_make
from rustml.release.ladder import profile_of
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages.computing import resolved
from rustml.stages.training_environment import training_environment
from rustml.training import sources
from rustml.training.job import Job

STAGE = Stage("sft", ("compute", "sft"), __name__, environment=lambda p: training_environment(p.sft))


def run(
    profile: Profile,
    *,
    bank: str,
    pairs: str,
    base: str = "",
    version: str = "",
    step: str = "",
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage, or find the run that did the same; either way its version is registered.

    It starts from the run of the base model, or, for a later phase of the ladder, from a version that came through the
    gate before it. `step` is the step of the ladder to make a version for; empty for the first that this stage makes.
    Raises InputError where the start is missing or `sft.sources` names a task that does not exist, EvidenceError when
    the version's evidence does not hold.
    """
    target = step_to_make(profile, STAGE.name, step)
    start = required_version(profile, target, version) if target.requires else None
    if start is None and not base:
        raise InputError(f"step {target.name} starts from the base model: give its run (base)")
    profile = resolved(profile_of(profile, target.name))
    sources.check(profile.sft.sources, "sft.sources", profile.pairs)

    def body(space: Workspace) -> Outcome:
        if start is not None:
            return _train(profile, start.folder, start.name, space)
        return _train(profile, space.inputs["base"] / versions.MODEL, base, space)

    roles = {"bank": bank, "pairs": pairs, **({} if start else {"base": base})}
    params = {"weights": start.decision.candidate_weights} if start else {}
    title = f"{target.name} of {f'version {start.version}' if start else 'base'}, {profile.name}"
    finished_run = tracking.run_stage(
        STAGE, profile, body, inputs=roles, params=params, parent=parent, reuse=reuse, title=title
    )
    versions.ensure(
        profile.registered_model, finished_run.run_id, parent=start.version if start else "", step=target.name
    )
    return finished_run


def _train(profile: Profile, folder: Path, name: str, space: Workspace) -> Outcome:
    """Train the checkpoint in `folder`, which an adapter records under `name`."""
    from rustml.models import checkpoint, compute  # noqa: PLC0415
    from rustml.training import data, sft, validation  # noqa: PLC0415

    section, seed = profile.sft, profile.seed
    bank, pairs = space.inputs["bank"], space.inputs["pairs"]
    tokenizer = checkpoint.load_tokenizer(folder)
    texts = sources.texts(section.sources, bank, pairs, seed)
    mixed = data.mix(tokenizer, texts, section.context, seed, sources.amounts(section.sources))
    held_out = validation.held_out(tokenizer, section, mixed.counts, bank, pairs, seed)
    with Progress("sft", sft.length(mixed.rows, section, seed)) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            space.log(step, {f"sft.{name}": value for name, value in metrics.items()})

        machine = compute.of_profile(profile.compute)
        job = Job(folder, space.out / versions.MODEL, space.scratch, seed, machine, log, name)
        facts = sft.train(mixed.rows, section, job, held_out)
    metrics = {**mixed.metrics("sft"), **{f"sft.{name}": value for name, value in facts.items()}}
    return Outcome(metrics, tags={chat.TAG: chat.digest(tokenizer)})
