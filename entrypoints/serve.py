"""Serve a version with vLLM; check its answers first."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import serve as stage


@stage_command("serve")
@click.option("--model", default="champion", help="Alias, or number of a version, whose evidence holds.")
@click.option("--stay", type=bool, default=True, help="Go on serving until Ctrl-C; otherwise stop after the check.")
def main(profile: str, reuse: bool, model: str, stay: bool) -> None:
    """Serve a version with vLLM; check its answers first."""
    done = stage.run(load(profile), model=model, stay=stay, reuse=reuse)
    say(done.run_id, "serve", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
