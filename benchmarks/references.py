"""References of a public bank by the judge, asked as the stage `bank` and a suite ask.

    python -m benchmarks.references polyglot-rust FOLDER --crates /usr/share/cargo/registry
    python -m benchmarks.references rustevo2 FOLDER

Prints what the bank leaves out by reason, whose crates cannot be had, and every reference that does not pass.
"""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from rustml.banks import load_bank
from rustml.cargo.registry import DirectorySource, resolve
from rustml.judge import Judge, Limits
from rustml.judge.in_crate.crate_sets import CrateSets
from rustml.judge.in_crate.resolution import CargoSource
from rustml.records import Problem, Verdict, candidate_of

LIMITS = Limits(cpu_seconds=60, run_seconds=120, weak_integrity=True)
"""Wide: that a reference is slow is not the question."""


def crate_sets(source: str, cache: Path) -> CrateSets | None:
    """The sets of crates from a directory source or a registry; None for neither."""
    if not source:
        return None
    folder = Path(source)
    registry = DirectorySource(folder.resolve()) if folder.is_dir() else resolve(source)
    return CrateSets(CargoSource.of(registry), cache, LIMITS)


def judged(problems: Sequence[Problem], sets: CrateSets | None) -> tuple[Mapping[str, str], list[Verdict]]:
    """By id, why the crates of some cannot be had, and the verdicts on the references of the others."""
    with Judge(LIMITS, batch_size=64, lints=False, crates=sets) as judge:
        faults = {problem.id: judge.crates_fault(problem.dependencies) for problem in problems}
        had = [problem for problem in problems if not faults[problem.id]]
        verdicts = judge.judge([candidate_of(problem, problem.reference, problem.id) for problem in had])
    return {name: fault for name, fault in faults.items() if fault}, verdicts


def by_reason(lost: Mapping[str, str]) -> None:
    """Print names by reason."""
    for reason in sorted(set(lost.values())):
        names = [name for name, why in lost.items() if why == reason]
        click.echo(f"  {len(names)}: {reason[:160]}: {', '.join(names)}")


@click.command(help=__doc__)
@click.argument("bank")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--crates", default="", help="Directory source or registry of the crates that problems name.")
def main(bank: str, path: Path, crates: str) -> None:
    """Measure and print."""
    loaded = load_bank(bank, path)
    with tempfile.TemporaryDirectory() as cache:
        faults, verdicts = judged(loaded.problems, crate_sets(crates, Path(cache)))
    click.echo(f"{len(loaded.problems) + len(loaded.excluded)} problems; left out by the bank: {len(loaded.excluded)}")
    by_reason(loaded.excluded)
    click.echo(f"without their crates: {len(faults)}")
    by_reason(faults)
    click.echo(f"judged {len(verdicts)}; passed {sum(verdict.status == 'passed' for verdict in verdicts)}")
    by_reason({one.id: f"{one.status}: {one.detail}" for one in verdicts if one.status != "passed"})


if __name__ == "__main__":
    main()
