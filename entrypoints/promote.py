"""Compare a version with its baseline and move it one step on, or refuse with the reasons."""

import click

from entrypoints.command import stage_command
from rustml.profile import load
from rustml.stages import promote as stage


@stage_command("promote", reusable=False)
@click.option("--candidate", required=True, help="Registered version to promote.")
@click.option("--to", required=True, help="Step of the profile's ladder that it is to take.")
@click.option("--evaluation", default="", help="Evaluation run of the candidate; empty takes its newest.")
@click.option("--baseline", default="", help="Evaluation run of the baseline; empty takes its newest.")
@click.option("--base", default="", help="Run id of the base model, with which `sft` and `champion` are compared.")
@click.option("--override", default="", help="Reason to promote in spite of a refusal; it is tagged for ever.")
def main(profile: str, candidate: str, to: str, evaluation: str, baseline: str, base: str, override: str) -> None:
    """Compare a version with its baseline and move it one step on, or refuse with the reasons."""
    done = stage.run(
        load(profile),
        candidate=candidate,
        to=to,
        evaluation=evaluation,
        baseline=baseline,
        base=base,
        override=override,
    )
    click.echo(f"{done.model} version {done.version} is {to}:\n" + "\n".join(done.decision.reasons))


if __name__ == "__main__":
    main()
