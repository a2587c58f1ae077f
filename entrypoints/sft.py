"""Fine-tune the base on Rust pairs and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import STEP
from rustml.profile import Profile

CHECKS = ("memory", "tokenizer", "overfit")


@stage_command("sft", shorthands={"preset": "preset", "samples": "sft.samples"})
@click.option("--base", default="", help="Run id of the base model, for the first step of the ladder.")
@click.option("--version", default="", help="Registered version to continue from, for a later phase.")
@click.option("--bank", default="", help="Run id of the problem banks.")
@click.option("--pairs", default="", help="Run id of the pairs.")
@STEP
@click.option("--preset", default="", help="Preset of the profile, as `--set preset=NAME`.")
@click.option("--samples", type=click.IntRange(0), default=0, help="Rows to train on at most; 0 takes all.")
@click.option("--name", default="", help="Name of the run in MLflow's pages; empty says what was trained.")
@click.option("--check", type=click.Choice(["", *CHECKS]), default="", help="Do one check, and exit: see training.md.")
@click.option("--gpu", default="", help="GPU of check=memory, by type (h100) or GiB (24); empty takes this machine.")
def main(profile: Profile, name: str, check: str, gpu: str, reuse: bool, **runs: str) -> StageRun | None:
    if check:
        from rustml.stages import training_checks

        training_checks.run(check, profile, gpu=gpu, say=click.echo, **runs)
        return None
    from rustml.stages import sft

    return sft.run(profile, **runs, name=name, reuse=reuse)


if __name__ == "__main__":
    main()
