"""Prepare the problem banks and verify every reference with the judge."""

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("bank")
def main(profile: Profile, reuse: bool) -> StageRun:
    from rustml.stages import bank

    return bank.run(profile, reuse=reuse)


if __name__ == "__main__":
    main()
