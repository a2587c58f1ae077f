"""Quantise a version for serving and register the result."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import quantize as stage


@stage_command("quantize")
@click.option(
    "--version", required=True, help="Registered version that came through the gate before this step of the ladder."
)
def main(profile: str, reuse: bool, version: str) -> None:
    """Quantise a version for serving and register the result."""
    done = stage.run(load(profile), version=version, reuse=reuse)
    say(done.run_id, "quantize", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
