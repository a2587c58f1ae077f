"""Make verified pairs of before and after from curated crates: clippy, the compiler, and commits."""

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import CURATE
from rustml.profile import Profile


@stage_command("edits")
@CURATE
def main(profile: Profile, curate: str, reuse: bool) -> StageRun:
    from rustml.stages import edits

    return edits.run(profile, curate=curate, reuse=reuse)


if __name__ == "__main__":
    main()
