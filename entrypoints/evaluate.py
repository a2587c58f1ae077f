"""Measure a model on Rust and retention suites and, with the pairs, on hold-out suites."""

import click

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import BANK
from rustml.profile import Profile


@stage_command("evaluate")
@click.option(
    "--model",
    required=True,
    help="Run id, version number, models:/NAME/VERSION, OWNER/NAME@COMMIT on the hub, folder, or openai:NAME@URL.",
)
@BANK
@click.option("--pairs", default="", help="Run id of the pairs: for hold-out suites and the search for contamination.")
@click.option("--suites", default="", help="Comma-separated suites of the profile; empty takes all.")
@click.option(
    "--contaminated",
    default="",
    type=click.Path(exists=False, dir_okay=False),
    help="File of ids, one per line, of problems known to be in training data: the gate refuses them.",
)
def main(profile: Profile, model: str, bank: str, pairs: str, suites: str, contaminated: str, reuse: bool) -> StageRun:
    from rustml.evaluation.kinds import made_from_pairs
    from rustml.stages import evaluate

    names, held_out = tuple(filter(None, suites.split(","))), made_from_pairs(profile.evaluation.suites)
    if held_out and not (names or pairs):
        click.echo(f"left out: {', '.join(held_out)}, which needs held-out pairs (-P pairs=RUN)")
    return evaluate.run(
        profile, model=model, bank=bank, pairs=pairs, suites=names, contaminated=contaminated, reuse=reuse
    )


if __name__ == "__main__":
    main()
