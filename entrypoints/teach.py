"""Ask OpenAI-compatible teachers for answers to problems of the bank; the judge filters, peers rank."""

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import BANK
from rustml.profile import Profile


@stage_command("teach")
@BANK
def main(profile: Profile, bank: str, reuse: bool) -> StageRun:
    from rustml.stages import teach

    return teach.run(profile, bank=bank, reuse=reuse)


if __name__ == "__main__":
    main()
