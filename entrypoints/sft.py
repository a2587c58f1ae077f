"""Fine-tune the base on Rust pairs and register the result."""

import click

from entrypoints.command import say, stage_command
from rustml.profile import load
from rustml.stages import sft as stage


@stage_command("sft")
@click.option("--base", required=True, help="Run id of the base model.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", required=True, help="Run id of the pairs.")
def main(profile: str, reuse: bool, base: str, bank: str, pairs: str) -> None:
    """Fine-tune the base on Rust pairs and register the result."""
    done = stage.run(load(profile), base=base, bank=bank, pairs=pairs, reuse=reuse)
    say(done.run_id, "sft", done.seconds, reused=done.reused)


if __name__ == "__main__":
    main()
