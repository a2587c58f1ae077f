"""Train a version with the compiler as reward (GRPO) and register the result."""

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import BANK, STEP, VERSION_BELOW
from rustml.profile import Profile


@stage_command("grpo")
@VERSION_BELOW
@BANK
@STEP
def main(profile: Profile, version: str, bank: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import grpo

    return grpo.run(profile, version=version, bank=bank, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
