"""Quantise a version for serving and register the result."""

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import STEP, VERSION_BELOW
from rustml.profile import Profile


@stage_command("quantize")
@VERSION_BELOW
@STEP
def main(profile: Profile, version: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import quantize

    return quantize.run(profile, version=version, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
