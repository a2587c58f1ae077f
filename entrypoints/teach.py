"""Ask OpenAI-compatible teachers for answers to problems of the bank; the judge filters, peers rank."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("teach")
@click.option("--bank", required=True, help="Run id of the problem banks.")
def main(profile: Profile, bank: str, reuse: bool) -> StageRun:
    from rustml.stages import teach

    return teach.run(profile, bank=bank, reuse=reuse)


if __name__ == "__main__":
    main()
