"""Promote a version if its gate passes; otherwise refuse with the reasons (exit code 3)."""

import click

from entrypoints._support.command import stage_command
from rustml.profile import Profile


@stage_command("promote", reusable=False)
@click.option("--candidate", required=True, help="Registered version to promote.")
@click.option("--to", required=True, help="Step of the profile's ladder that it is to take.")
@click.option("--evaluation", default="", help="Evaluation run of the candidate; empty takes its newest.")
@click.option("--baseline", default="", help="Evaluation run of the baseline; empty takes its newest.")
@click.option("--base", default="", help="Run id of the base model, with which `sft` and `champion` are compared.")
@click.option("--smoke", default="", help="Run of `serve` that checked its answers; empty serves it for the check.")
@click.option("--override", default="", help="Reason to promote in spite of a refusal; it is tagged for ever.")
@click.option("--dry_run", type=bool, default=False, help="Decide and say it, and write nothing.")
def main(profile: Profile, to: str, dry_run: bool, **options: str) -> None:
    from rustml.stages import promote

    if dry_run:
        del options["override"], options["smoke"]
        decision = promote.rehearse(profile, to=to, **options)
        verdict = "would be" if decision.passed else "would NOT be"
        click.echo("\n".join([f"version {options['candidate']} {verdict} {to}:", *decision.reasons]))
        return
    promoted = promote.run(profile, to=to, **options)
    click.echo("\n".join([f"{promoted.label} is {to}{promoted.in_spite}:", *promoted.decision.reasons]))


if __name__ == "__main__":
    main()
