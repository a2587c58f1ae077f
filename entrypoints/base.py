"""Make or fetch the base model."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import base as stage


@stage_command("base")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", required=True, help="Run id of the pairs, whose raw Rust the base reads.")
def main(profile: str, reuse: bool, bank: str, pairs: str) -> None:
    """Make or fetch the base model."""
    done = stage.run(load(profile), bank=bank, pairs=pairs, reuse=reuse)
    say(done.run_id, "base", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
