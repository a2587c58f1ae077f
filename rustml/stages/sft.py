"""Fine-tune the base on Rust pairs and register the result."""

import itertools

from rustml.profile import Profile
from rustml.records import Pair
from rustml.release import versions
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, Stage, Workspace
from rustml.stages import inputs

STAGE = Stage("sft", ("sft",), __name__)
STANDALONE_TASKS = ("instruction_code", "sig_doc_impl")


def run(
    profile: Profile, *, base: str, bank: str, pairs: str, parent: str | None = None, reuse: bool = True
) -> tracking.Finished:
    """Run the stage, or find the run that did the same; either way its version is registered."""

    def body(space: Workspace) -> Outcome:
        return _train(profile, space)

    roles = {"base": base, "bank": bank, "pairs": pairs}
    done = tracking.run_stage(STAGE, profile, body, inputs=roles, parent=parent, reuse=reuse)
    versions.ensure(profile.registered_model, done.run_id, step=STAGE.name)
    return done


def _train(profile: Profile, space: Workspace) -> Outcome:
    from rustml.models import checkpoint  # noqa: PLC0415
    from rustml.training import data, sft  # noqa: PLC0415

    section, folder = profile.sft, space.inputs["base"] / versions.MODEL
    domain = {
        "families": data.solved(inputs.problems(space.inputs["bank"], "rust-train", section.family_pairs)),
        "crates": data.written(crate_pairs(space, section.crate_pairs)),
    }
    wanted = round(sum(map(len, domain.values())) * section.anchor_share / (1 - section.anchor_share))
    anchors = data.solved(inputs.problems(space.inputs["bank"], "python-train", wanted))
    tokenizer = checkpoint.load_tokenizer(folder)
    mixed = data.mix(tokenizer, {**domain, "anchors": anchors}, section.context, profile.seed)
    with Progress("sft", section.steps) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            space.log(step, {f"sft.{name}": value for name, value in metrics.items()})

        sft.train(folder, mixed.rows, section, profile.seed, space.out / versions.MODEL, space.scratch, log)
    return Outcome(mixed.metrics("sft"))


def crate_pairs(space: Workspace, limit: int) -> list[Pair]:
    """Pairs from crates whose answer is a whole function that was asked for in words."""
    every = inputs.pairs(space.inputs["pairs"], "train", 10**9)
    return list(itertools.islice((pair for pair in every if pair.task in STANDALONE_TASKS), limit))
