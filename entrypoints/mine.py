"""Mine verifiable problems from harvested crates: documented functions with the crates' own tests."""

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import HARVEST
from rustml.profile import Profile


@stage_command("mine")
@HARVEST
def main(profile: Profile, harvest: str, reuse: bool) -> StageRun:
    from rustml.stages import mine

    return mine.run(profile, harvest=harvest, reuse=reuse)


if __name__ == "__main__":
    main()
