"""Harvest licence-clean Rust crates with their provenance."""

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("harvest")
def main(profile: Profile, reuse: bool) -> StageRun:
    from rustml.stages import harvest

    return harvest.run(profile, reuse=reuse)


if __name__ == "__main__":
    main()
