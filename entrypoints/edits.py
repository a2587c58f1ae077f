"""Make verified pairs of before and after from curated crates: clippy, the compiler, and commits."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("edits")
@click.option("--curate", required=True, help="Run id of the curated corpus.")
def main(profile: Profile, curate: str, reuse: bool) -> StageRun:
    from rustml.stages import edits

    return edits.run(profile, curate=curate, reuse=reuse)


if __name__ == "__main__":
    main()
