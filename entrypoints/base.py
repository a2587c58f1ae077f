"""Make or fetch the base model."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("base")
@click.option("--bank", default="", help="Run id of the problem banks; only for a base from scratch.")
@click.option("--pairs", default="", help="Run id of the pairs, whose raw Rust a base from scratch reads.")
def main(profile: Profile, bank: str, pairs: str, reuse: bool) -> StageRun:
    from rustml.stages import base

    return base.run(profile, bank=bank, pairs=pairs, reuse=reuse)


if __name__ == "__main__":
    main()
