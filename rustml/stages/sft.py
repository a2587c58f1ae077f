"""Fine-tune the base on Rust pairs and register the result."""

from rustml.profile import Profile
from rustml.release import versions
from rustml.runs import tracking
from rustml.runs.environment import libraries_and_device
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.training import sources
from rustml.training.job import Job

STAGE = Stage("sft", ("sft",), __name__, environment=lambda _: libraries_and_device("transformers", "trl"))


def run(
    profile: Profile, *, base: str, bank: str, pairs: str, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage, or find the run that did the same; either way its version is registered.

    Raises InputError before it starts where `sft.sources` names a task that does not exist.
    """
    sources.check(profile.sft.sources, "sft.sources", profile.pairs.anchors)

    def body(space: Workspace) -> Outcome:
        return _train(profile, space)

    roles = {"base": base, "bank": bank, "pairs": pairs}
    done = tracking.run_stage(STAGE, profile, body, inputs=roles, parent=parent, reuse=reuse)
    versions.ensure(profile.registered_model, done.run_id, step=STAGE.name)
    return done


def _train(profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import checkpoint, compute  # noqa: PLC0415
    from rustml.training import data, sft, validation  # noqa: PLC0415

    section, seed, folder = profile.sft, profile.seed, space.inputs["base"] / versions.MODEL
    bank, pairs = space.inputs["bank"], space.inputs["pairs"]
    tokenizer = checkpoint.load_tokenizer(folder)
    texts = sources.texts(section.sources, bank, pairs, seed)
    mixed = data.mix(tokenizer, texts, section.context, seed, sources.amounts(section.sources))
    held_out = validation.held_out(tokenizer, section, mixed.counts, bank, pairs, seed)
    with Progress("sft", sft.length(mixed.rows, section)) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            space.log(step, {f"sft.{name}": value for name, value in metrics.items()})

        machine = compute.Compute(compute.device(), "bfloat16", "eager")
        job = Job(folder, space.out / versions.MODEL, space.scratch, seed, machine, log)
        facts = sft.train(mixed.rows, section, job, held_out)
    return Outcome({**mixed.metrics("sft"), **{f"sft.{name}": value for name, value in facts.items()}})
