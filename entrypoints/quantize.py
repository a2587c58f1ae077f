"""Quantise a version for serving and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("quantize")
@click.option("--version", required=True, help="Registered version that passed the gate below this step.")
def main(profile: Profile, version: str, reuse: bool) -> StageRun:
    from rustml.stages import quantize

    return quantize.run(profile, version=version, reuse=reuse)


if __name__ == "__main__":
    main()
