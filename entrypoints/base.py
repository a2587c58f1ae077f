"""Make or fetch the base model."""

import itertools

import click

from entrypoints import inputs
from entrypoints.command import say, stage_command
from rustml import tracking
from rustml.profile import Profile, load
from rustml.progress import Progress
from rustml.stage import Outcome, Stage, Workspace

CODE = ("base", "mixture", "optimizer", "source", "tokenizer")
STAGE = Stage("base", ("base",), (*(f"training/{name}" for name in CODE), "chat", "hub", "records"))


def run(profile: Profile, *, bank: str, pairs: str, parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage on the output of the runs `bank` and `pairs`, or find the run that did the same."""

    def body(space: Workspace) -> Outcome:
        return _scratch(profile, space) if profile.base.source == "scratch" else _fetched(profile, space)

    return tracking.run_stage(STAGE, profile, body, inputs={"bank": bank, "pairs": pairs}, parent=parent, reuse=reuse)


def _fetched(profile: Profile, space: Workspace) -> Outcome:
    from rustml.training.source import fetch  # noqa: PLC0415  the hub's client takes a second to load

    fetch(profile.base, space.out / "model")
    return Outcome()


def _scratch(profile: Profile, space: Workspace) -> Outcome:
    from rustml.training import base, mixture, tokenizer  # noqa: PLC0415  torch takes seconds to load

    section, shape = profile.base, profile.base.architecture
    assert shape is not None, "checked with the profile"
    python = mixture.solved(inputs.problems(space.inputs["bank"], "python-train", section.python_pairs))
    rust = inputs.problems(space.inputs["bank"], "rust-train", section.noisy_rust_pairs)
    raw = mixture.written(inputs.pairs(space.inputs["pairs"], "raw", section.raw_rust))
    parts = {"python": python, "noisy_rust": mixture.mismatched(rust, profile.seed), "raw_rust": raw}
    texts = itertools.chain.from_iterable(itertools.islice(part, 4000) for part in (*parts.values(),))
    words = tokenizer.train((f"{asked}\n{reply}" for asked, reply in texts), shape.vocabulary, shape.context)
    mixed = mixture.mix(words, parts, shape.context, profile.seed)
    model = base.new_model(shape, words, profile.seed)
    with Progress("base", section.steps) as progress:

        def log(step: int, metrics: dict[str, float]) -> None:
            progress(step)
            space.log(step, {f"base.{name}": value for name, value in metrics.items()})

        base.train(model, mixed.rows, section, profile.seed, log)
    base.save(model, words, space.out / "model")
    return Outcome({**mixed.metrics("base"), "base.parameters": float(sum(p.numel() for p in model.parameters()))})


@stage_command("base")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", required=True, help="Run id of the pairs, whose raw Rust the base reads.")
def main(profile: str, reuse: bool, bank: str, pairs: str) -> None:
    """Make or fetch the base model."""
    done = run(load(profile), bank=bank, pairs=pairs, reuse=reuse)
    say(done.run_id, "base", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
