"""Turn documented functions into training pairs, with held-out splits."""

import click

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import CURATE
from rustml.profile import Profile


@stage_command("pairs")
@CURATE
@click.option("--bank", required=True, help="Run id of the problem banks, against which pairs are decontaminated.")
@click.option("--edits", default="", help="Run id of the verified changes that become records too.")
def main(profile: Profile, curate: str, bank: str, edits: str, reuse: bool) -> StageRun:
    from rustml.stages import pairs

    return pairs.run(profile, curate=curate, bank=bank, edits=edits, reuse=reuse)


if __name__ == "__main__":
    main()
