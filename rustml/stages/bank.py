"""Prepare the problem banks and verify every reference with the judge."""

from collections.abc import Mapping
from pathlib import Path

import click

from rustml.banks.bank import Bank
from rustml.banks.build import build
from rustml.banks.sources.load import is_on_hub, load_bank
from rustml.contents import path_contents
from rustml.profile import Profile
from rustml.runs import tracking
from rustml.runs.progress import Progress
from rustml.runs.stage import Outcome, ProfilePath, Stage, Workspace
from rustml.stages.hub_commits import with_bank_commits
from rustml.stages.judging import judging_environment, open_judge


def contents(profile: Profile) -> Mapping[ProfilePath, str]:
    """Digests of the local benchmarks' files and folders. Raises InputError for one that cannot be read."""
    return {
        ("bank", "benchmarks", name): path_contents(Path(path), f"bank.benchmarks.{name}")
        for name, path in profile.bank.benchmarks.items()
        if not is_on_hub(path)
    }


STAGE = Stage("bank", ("bank", "judge", "evaluation.dependencies"), __name__, contents, judging_environment)


def run(profile: Profile, *, mine: str = "", parent: str | None = None, reuse: bool = True) -> tracking.Finished:
    """Run the stage, or find the run that did the same; benchmarks of the hub are read at the commit of now.

    With the run `mine`, its problems are a benchmark of the name `mined`.
    """
    profile = with_bank_commits(profile)

    def body(space: Workspace) -> Outcome:
        with open_judge(profile, space.cache) as judge, Progress("references judged") as progress:
            report = build(profile.bank, profile.seed, space.out, judge, progress, _mined(space), judge.crates_fault)
        datasets = {stem: space.out / f"{stem}.jsonl" for stem in report.counts}
        for line in report.left_out():
            click.echo(f"  {line}")
        return Outcome(report.metrics(), report.tables(), datasets)

    inputs = {"mine": mine} if mine else {}
    return tracking.run_stage(STAGE, profile, body, inputs=inputs, parent=parent, reuse=reuse)


def _mined(space: Workspace) -> list[Bank]:
    return [load_bank("mined", space.inputs["mine"] / "mined.jsonl")] if "mine" in space.inputs else []
