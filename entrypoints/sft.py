"""Fine-tune the base on Rust pairs and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("sft")
@click.option("--base", required=True, help="Run id of the base model.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", required=True, help="Run id of the pairs.")
def main(profile: Profile, base: str, bank: str, pairs: str, reuse: bool) -> StageRun:
    from rustml.stages import sft

    return sft.run(profile, base=base, bank=bank, pairs=pairs, reuse=reuse)


if __name__ == "__main__":
    main()
