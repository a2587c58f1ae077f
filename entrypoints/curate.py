"""Filter, deduplicate and decontaminate the harvested files."""

import click

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import HARVEST
from rustml.profile import Profile


@stage_command("curate")
@HARVEST
@click.option("--bank", required=True, help="Run id of the problem banks, against which files are decontaminated.")
def main(profile: Profile, harvest: str, bank: str, reuse: bool) -> StageRun:
    from rustml.stages import curate

    return curate.run(profile, harvest=harvest, bank=bank, reuse=reuse)


if __name__ == "__main__":
    main()
