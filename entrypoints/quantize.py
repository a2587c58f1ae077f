"""Quantise a version for serving and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("quantize")
@click.option("--version", required=True, help="Registered version that passed the gate below this step.")
@click.option("--step", default="", help="Step of the ladder to make a version for; empty takes this stage's first.")
def main(profile: Profile, version: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import quantize

    return quantize.run(profile, version=version, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
