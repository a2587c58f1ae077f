"""Measure a model on Rust and retention suites."""

import click

from entrypoints.command import say, stage_command
from rustml import tracking
from rustml.profile import Profile, load
from rustml.progress import Progress
from rustml.release import versions
from rustml.stage import Outcome, Stage, Workspace

STAGE = Stage("evaluate", ("evaluation", "judge"), ("evaluation", "judge", "chat", "records"))
WEIGHTS = "rustml.weights"


def run(
    profile: Profile,
    *,
    model: str,
    bank: str,
    suites: tuple[str, ...] = (),
    parent: str | None = None,
    reuse: bool = True,
) -> tracking.Finished:
    """Run the stage, or find the run that measured the same weights in the same way."""
    checkpoint = versions.checkpoint(model, profile.registered_model)

    def body(space: Workspace) -> Outcome:
        return _measure(profile, checkpoint, suites, space)

    params = {"weights": checkpoint.digest, "suites": ",".join(sorted(suites))}
    return tracking.run_stage(STAGE, profile, body, inputs={"bank": bank}, params=params, parent=parent, reuse=reuse)


def _measure(profile: Profile, checkpoint: versions.Checkpoint, only: tuple[str, ...], space: Workspace) -> Outcome:
    from rustml.evaluation.bench import open_bench  # noqa: PLC0415  torch takes seconds to load
    from rustml.evaluation.evaluate import evaluate  # noqa: PLC0415
    from rustml.evaluation.plots import draw_evaluation  # noqa: PLC0415
    from rustml.evaluation.suites import suites_of  # noqa: PLC0415
    from rustml.judge import Judge, Limits  # noqa: PLC0415

    chosen = suites_of(profile.evaluation, space.inputs["bank"], seed=profile.seed, only=only)
    limits = Limits.from_section(profile.judge)
    with (
        Judge(limits, batch_size=profile.judge.batch_size, cache=space.cache / "verdicts") as judge,
        Progress("answers judged") as progress,
    ):

        def watch(suite: str, done: int, total: int) -> None:
            progress.begin(f"{suite} answers judged")
            progress(done, total)

        bench = open_bench(profile.evaluation, checkpoint.folder, judge, limits, watch=watch)
        found = evaluate(checkpoint.folder, chosen, bench, space.out, model=checkpoint.name)
    draw_evaluation(found, space.report / "plots")
    return Outcome(found.metrics(), tags={WEIGHTS: checkpoint.digest, "rustml.model": checkpoint.name})


@stage_command("evaluate")
@click.option("--model", required=True, help="Run id, version number, models:/NAME/VERSION, or folder of a checkpoint.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--suites", default="", help="Comma-separated suites of the profile; empty takes all.")
def main(profile: str, reuse: bool, model: str, bank: str, suites: str) -> None:
    """Measure a model on Rust and retention suites."""
    chosen = tuple(filter(None, suites.split(",")))
    done = run(load(profile), model=model, bank=bank, suites=chosen, reuse=reuse)
    say(done.run_id, "evaluate", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
