"""Measure a model on Rust, retention and hold-out suites."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import evaluate as stage


@stage_command("evaluate")
@click.option(
    "--model",
    required=True,
    help="Run id, version number, models:/NAME/VERSION, OWNER/NAME@COMMIT on the hub, or folder.",
)
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", default="", help="Run id of the pairs: for hold-out suites and the search for contamination.")
@click.option("--suites", default="", help="Comma-separated suites of the profile; empty takes all.")
@click.option(
    "--contaminated",
    default="",
    type=click.Path(exists=False, dir_okay=False),
    help="File of ids, one a line, of problems known to be in training data: the gate refuses them.",
)
def main(profile: str, reuse: bool, model: str, bank: str, pairs: str, suites: str, contaminated: str) -> None:
    """Measure a model on Rust, retention and hold-out suites."""
    chosen, loaded = tuple(filter(None, suites.split(","))), load(profile)
    if loaded.evaluation.held_out and not (chosen or pairs):
        click.echo(f"left out: {', '.join(loaded.evaluation.held_out)}, which is made of held-out pairs (-P pairs=RUN)")
    done = stage.run(loaded, model=model, bank=bank, pairs=pairs, suites=chosen, contaminated=contaminated, reuse=reuse)
    say(done.run_id, "evaluate", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
