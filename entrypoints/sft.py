"""Fine-tune the base on Rust pairs and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("sft")
@click.option("--base", default="", help="Run id of the base model, for the first step of the ladder.")
@click.option("--version", default="", help="Registered version to continue from, for a later phase.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", required=True, help="Run id of the pairs.")
@click.option("--step", default="", help="Step of the ladder to make a version for; empty takes this stage's first.")
def main(profile: Profile, base: str, version: str, bank: str, pairs: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import sft

    return sft.run(profile, base=base, version=version, bank=bank, pairs=pairs, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
