"""Train a version with the compiler as reward (GRPO) and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("grpo")
@click.option("--version", required=True, help="Registered version that passed the gate below this step.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--step", default="", help="Step of the ladder to make a version for; empty takes this stage's first.")
def main(profile: Profile, version: str, bank: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import grpo

    return grpo.run(profile, version=version, bank=bank, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
