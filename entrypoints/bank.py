"""Prepare the problem banks and verify every reference with the judge."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("bank")
@click.option(
    "--mine", default="", help="Run id of mined problems, which become the benchmark `mined`; empty for none."
)
def main(profile: Profile, mine: str, reuse: bool) -> StageRun:
    from rustml.stages import bank

    return bank.run(profile, mine=mine, reuse=reuse)


if __name__ == "__main__":
    main()
