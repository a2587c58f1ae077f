"""Teach a version with the compiler as reward and register the result."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import grpo as stage


@stage_command("grpo")
@click.option(
    "--version", required=True, help="Registered version that came through the gate before this step of the ladder."
)
@click.option("--bank", required=True, help="Run id of the problem banks.")
def main(profile: str, reuse: bool, version: str, bank: str) -> None:
    """Teach a version with the compiler as reward and register the result."""
    done = stage.run(load(profile), version=version, bank=bank, reuse=reuse)
    say(done.run_id, "grpo", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
