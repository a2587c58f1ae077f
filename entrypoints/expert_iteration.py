"""Fine-tune a version on the best of its own judged answers, round after round, and register the result."""

import click

from entrypoints._support.command import StageRun, stage_command
from entrypoints._support.options import BANK, STEP, VERSION_BELOW
from rustml.profile import Profile


@stage_command("expert_iteration")
@VERSION_BELOW
@BANK
@click.option("--pairs", default="", help="Run id of the pairs, where expert_iteration.sources names any.")
@STEP
def main(profile: Profile, version: str, bank: str, pairs: str, step: str, reuse: bool) -> StageRun:
    from rustml.stages import expert_iteration

    return expert_iteration.run(profile, version=version, bank=bank, pairs=pairs, step=step, reuse=reuse)


if __name__ == "__main__":
    main()
