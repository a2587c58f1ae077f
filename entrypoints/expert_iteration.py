"""Fine-tune a version on the best of its own judged answers, round after round, and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from rustml.profile import Profile


@stage_command("expert_iteration")
@click.option("--version", required=True, help="Registered version that passed the gate below this step.")
@click.option("--bank", required=True, help="Run id of the problem banks.")
@click.option("--pairs", default="", help="Run id of the pairs, where expert_iteration.sources names any.")
@click.option("--step", default="", help="Step of the ladder to make a version for; empty takes this stage's first.")
def main(profile: Profile, version: str, bank: str, pairs: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import expert_iteration

    return expert_iteration.run(profile, version=version, bank=bank, pairs=pairs, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
