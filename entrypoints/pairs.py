"""Turn documented functions into training pairs, with held-out splits."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import pairs as stage


@stage_command("pairs")
@click.option("--curate", required=True, help="Run id of the curated corpus.")
@click.option("--bank", required=True, help="Run id of the problem banks, against which pairs are decontaminated.")
def main(profile: str, reuse: bool, curate: str, bank: str) -> None:
    """Turn documented functions into training pairs, with held-out splits."""
    done = stage.run(load(profile), curate=curate, bank=bank, reuse=reuse)
    say(done.run_id, "pairs", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
