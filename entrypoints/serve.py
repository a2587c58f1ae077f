"""Serve a version with vLLM, after a check of its answers."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("serve")
@click.option("--model", default="champion", help="Alias, or number of a version, whose evidence holds.")
@click.option("--stay", type=bool, default=True, help="Go on serving until Ctrl-C; otherwise stop after the check.")
@click.option("--watch", type=bool, default=False, help="Follow the alias: swap in each version that it moves to.")
def main(profile: Profile, model: str, stay: bool, watch: bool, reuse: bool) -> StageRun:
    from rustml.stages import serve

    return serve.run(profile, model=model, stay=stay, watch=watch, reuse=reuse)


if __name__ == "__main__":
    main()
