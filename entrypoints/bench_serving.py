"""Measure versions under the load of many clients, one beside the other, and judge what they answer."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("bench_serving")
@click.option(
    "--versions",
    required=True,
    help="Comma-separated aliases or numbers, such as `grpo,fp8`; the first is what the others are compared with.",
)
def main(profile: Profile, versions: str, reuse: bool) -> StageRun:
    from rustml.stages import bench_serving

    names = [name.strip() for name in versions.split(",") if name.strip()]
    return bench_serving.run(profile, names=names, reuse=reuse)


if __name__ == "__main__":
    main()
