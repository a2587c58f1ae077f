"""Filter, deduplicate and decontaminate the harvested files."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import curate as stage


@stage_command("curate")
@click.option("--harvest", required=True, help="Run id of the harvest.")
@click.option("--bank", required=True, help="Run id of the problem banks, against which files are decontaminated.")
def main(profile: str, reuse: bool, harvest: str, bank: str) -> None:
    """Filter, deduplicate and decontaminate the harvested files."""
    done = stage.run(load(profile), harvest=harvest, bank=bank, reuse=reuse)
    say(done.run_id, "curate", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
