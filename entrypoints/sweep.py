"""Train with several settings, rank them with intervals, and print the command of the best."""

import click

from entrypoints._support.command import stage_command
from entrypoints._support.options import BANK
from rustml.profile import Profile


@stage_command("sweep", reusable=False)
@click.option("--base", required=True, help="Run id of the base model.")
@BANK
@click.option("--pairs", required=True, help="Run id of the pairs.")
@click.option("--grid", required=True, help="Settings: `preset=*`, `KEY=A|B`, `KEY=LOW..HIGH`; see docs/training.md.")
@click.option("--trials", type=click.IntRange(0), default=0, help="Trials that Optuna draws; 0 tries all combinations.")
@click.option("--seeds", default="", help="Seeds of each trial, such as `17 18 19`; empty takes the profile's.")
@click.option("--metric", default="sft.validation.loss", help="Metric of the run of sft that ranks.")
@click.option("--maximise", type=bool, default=False, help="Whether more of the metric is better.")
@click.option("--trial-seconds", type=click.FloatRange(0), default=0.0, help="Limit of one training; 0 sets none.")
@click.option("--prune", type=click.FloatRange(0, 0.5), default=0.05, help="Level of the test that drops seeds.")
@click.option("--dry-run", type=bool, default=False, help="Show the trials and train nothing.")
def main(_profile: Profile, base: str, bank: str, pairs: str, seeds: str, dry_run: bool, **options: object) -> None:
    from rustml.errors import InputError
    from rustml.stages import sweep

    words = seeds.replace(",", " ").split()
    if not all(word.isdecimal() for word in words):
        raise InputError(f"seeds must be whole numbers, such as '17 18 19', not {seeds!r}")
    given = click.get_current_context().params
    plan = sweep.Plan(given["profile"], given["overrides"], seeds=tuple(map(int, words)), **options)  # type: ignore[arg-type]
    sweep.run(plan, base=base, bank=bank, pairs=pairs, dry_run=dry_run)


if __name__ == "__main__":
    main()
