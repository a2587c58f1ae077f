"""How often a first run ends served: a profile's lifecycle up to its last gate, seed after seed.

    python -m benchmarks.default_profile [--seeds 10] [--first 17] [--one-base] [--store FOLDER] [PROFILE ...]

Each profile (a name or a YAML file; by default `tiny`) stands for a corpus, and each seed for a first run: its own
draws of problems, its own base, and its own registered model. With `--one-base`, the runs of a profile share the
problems, pairs and base of the first seed, and draw SFT, GRPO and the measured answers by their own seed. The server is
left out. What a gate decided is printed run by run, then a table: for each rule of each gate the distribution of its
effect and the share of runs in which it held. A killed benchmark goes on where it was: stages in the store are reused.
"""

import argparse
import statistics
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.store import use_store
from rustml.errors import GateRefused
from rustml.evaluation.results.statistics import wilson
from rustml.profile import Profile, load
from rustml.release.gates import Decision
from rustml.release.ladder import Step
from rustml.runs import tracking
from rustml.stages import bank, base, curate, harvest, pairs
from rustml.stages.lifecycle import Lifecycle, Measured, preflight

STORE = Path("outputs/benchmark")
DATA = (harvest, bank, curate, pairs, base)
"""Stages that runs may share."""


@dataclass(frozen=True)
class FirstRun:
    """What the gates decided in one lifecycle."""

    profile: str
    seed: int
    decisions: Mapping[str, Decision]
    """By step, up to the first refusal."""

    @property
    def served(self) -> bool:
        """Whether every gate opened."""
        return all(decision.passed for decision in self.decisions.values())


class _Gates(Lifecycle):
    """The lifecycle without its server; keeps each gate's decision."""

    def __init__(self, profile: Profile, data: Profile, parent: str) -> None:
        super().__init__(profile, parent, reuse=True)
        self.own, self.data = profile, data
        self.decisions: dict[str, Decision] = {}

    def stage(self, module: ModuleType, label: str, **inputs: Any) -> tracking.Finished:
        """The stage, of the shared profile where it makes data or the base."""
        self.profile = self.data if module in DATA else self.own
        try:
            return super().stage(module, label, **inputs)
        finally:
            self.profile = self.own

    def gate(self, step: Step, candidate: Measured, baseline: Measured) -> None:
        self.decisions[step.name] = self._decision(step, candidate, baseline)
        super().gate(step, candidate, baseline)

    def serve(self, step: Step) -> None:
        """Nothing: what is counted is decided."""

    def show(self, versions_made: dict[str, str]) -> None:
        """Nothing: no gate reads it."""


def first_run(name: str, seed: int, data_seed: int) -> FirstRun:
    """One lifecycle, to its last gate or the one that refuses; its data and base are those of `data_seed`."""
    model = f"registered_model=first-run-{Path(name).stem}-{seed}"
    profile, data = (load(name, [f"seed={number}", model]) for number in (seed, data_seed))
    preflight(profile)
    with tracking.plain_run("first run", {"profile": profile.name, "seed": seed, "data_seed": data_seed}) as parent:
        gates = _Gates(profile, data, parent)
        try:
            gates.walk()
        except GateRefused:
            click.echo("   refused")
    return FirstRun(profile.name, seed, gates.decisions)


def rows(runs: Sequence[FirstRun]) -> Iterator[tuple[str, ...]]:
    """Of each rule: gate, rule, runs, lowest, median and highest effect in points, lowest bound, share that held."""
    findings = defaultdict(list)
    for run in runs:
        for step, decision in run.decisions.items():
            for finding in decision.findings:
                findings[step, finding.rule].append(finding)
    for (step, rule), of_rule in findings.items():
        compared = [finding.comparison for finding in of_rule if finding.comparison is not None]
        effects = [100 * comparison.delta for comparison in compared] or [float("nan")]
        lowest = min((100 * comparison.low for comparison in compared), default=float("nan"))
        yield (
            step,
            rule,
            str(len(of_rule)),
            *(f"{effect:+.1f}" for effect in (min(effects), statistics.median(effects), max(effects), lowest)),
            f"{sum(finding.passed for finding in of_rule)}/{len(of_rule)}",
        )


def main() -> None:
    """Run what is asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("profiles", nargs="*", default=["tiny"], metavar="PROFILE")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first", type=int, default=17)
    parser.add_argument("--one-base", action="store_true")
    parser.add_argument("--store", type=Path, default=STORE)
    options = parser.parse_args()
    use_store(options.store)
    runs: list[FirstRun] = []
    for seed in range(options.first, options.first + options.seeds):
        for name in options.profiles:
            runs.append(first_run(name, seed, options.first if options.one_base else seed))
            words = {step: "passed" if decision.passed else "REFUSED" for step, decision in runs[-1].decisions.items()}
            click.echo(f"{runs[-1].profile} seed {seed}: {words}")
    report(runs)


def report(runs: Sequence[FirstRun]) -> None:
    """Print the table of rules, and how many runs came through every gate."""
    table = Table(
        "gate", "rule", "runs", "lowest", "median", "highest", "lowest bound", "held", title="effects, points"
    )
    for row in rows(runs):
        table.add_row(*row)
    console = Console(width=120)
    console.print(table)
    for profile in dict.fromkeys(run.profile for run in runs):
        ends = [run.served for run in runs if run.profile == profile]
        console.print(f"{profile}: {sum(ends)} of {len(ends)} through every gate")
    interval = wilson(sum(run.served for run in runs), len(runs))
    console.print(f"share of first runs that end served: {interval.low:.2f} to {interval.high:.2f} (95%, Wilson)")


if __name__ == "__main__":
    main()
