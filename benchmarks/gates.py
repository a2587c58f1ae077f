"""How often the gate passes what lost nothing, and what lost its margin: `decide` itself on simulated evaluations.

    python -m benchmarks.gates [--runs 200] [--confidence 0.95] [--only power false]

Power: HumanEval and MBPP (164 and 500 items) under the default margins, of a candidate whose losses and gains balance.
False passes: one suite whose true loss is the margin, the point margin opened, so that the interval alone must hold.
Columns are numbers of samples per item, and the correlation of the differences of two samples of one item.
"""

import argparse
from collections.abc import Iterator

import click
import numpy as np
from msgspec.structs import replace

from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile import load
from rustml.profile.gates import Thresholds
from rustml.release.gates import decide
from rustml.release.power import Size, differences

COLUMNS = ((1, 0.0), (4, 0.0), (4, 0.12), (4, 0.3), (8, 0.12), (8, 0.3))
"""Samples per item, correlation."""
DIFFERING = (0.02, 0.06, 0.12)
LOST = (
    (164, 0.05, 0.05),
    (120, 0.03, 0.03),
    (164, 0.05, 0.11),
    (500, 0.05, 0.05),
    (664, 0.03, 0.03),
    (664, 0.03, 0.12),
)
"""Items, margin, share of answers that differ."""
RIGHT, WRONG = (
    Outcome(status=status, compiles=None, clippy_clean=None, lints=(), errors=(), characters=0)
    for status in ("passed", "wrong")
)


def sides(
    random: np.random.Generator, sizes: dict[str, Size], loss: float, differing: float, correlation: float
) -> Iterator[Evaluation]:
    """Candidate and baseline."""
    drawn = {name: differences(random, size, loss, differing, correlation) for name, size in sizes.items()}
    for weights, sign in (("candidate", 1), ("baseline", -1)):
        suites = {
            name: SuiteResult(
                group="retention",
                metric_prefix=f"{name}.",
                protocol={},
                outcomes={
                    f"{n:04}": tuple(RIGHT if sign * d > 0 else WRONG for d in item) for n, item in enumerate(items)
                },
                contaminated=(),
                excluded={},
                seconds={},
            )
            for name, items in drawn.items()
        }
        evaluation = Evaluation(model=weights, weights_digest=weights, suites=suites, recorded={})
        yield replace(evaluation, recorded=evaluation.metrics())


def passes(
    sizes: dict[str, Size], gate: Thresholds, loss: float, differing: float, correlation: float, runs: int
) -> float:
    """Share of simulated candidates that the gate passes."""
    random = np.random.default_rng(17)
    decisions = (decide(*sides(random, sizes, loss, differing, correlation), gate) for _ in range(runs))
    return sum(decision.passed for decision in decisions) / runs


def power_rows(gate: Thresholds, runs: int) -> Iterator[list[str]]:
    """What lost nothing."""
    yield ["differ", *headers()]
    for differing in DIFFERING:
        sizes = [({"humaneval": Size(164, k), "mbpp": Size(500, k)}, correlation) for k, correlation in COLUMNS]
        shares = [passes(size, gate, 0.0, differing, correlation, runs) for size, correlation in sizes]
        yield [f"{differing:.0%}", *(f"{share:.1%}" for share in shares)]


def false_rows(gate: Thresholds, runs: int) -> Iterator[list[str]]:
    """What lost its margin."""
    yield ["items", "margin", "differ", *headers()]
    for items, margin, differing in LOST:
        opened = replace(
            gate, retention_suite_margin=margin, retention_pooled_margin=margin, retention_point_margin=1.0
        )
        shares = [passes({"one": Size(items, k)}, opened, margin, differing, rho, runs) for k, rho in COLUMNS]
        yield [str(items), f"{margin:.0%}", f"{differing:.0%}", *(f"{share:.1%}" for share in shares)]


def headers() -> list[str]:
    """Of the columns."""
    return [f"{samples} samples, {correlation:g}" if samples > 1 else "1 sample" for samples, correlation in COLUMNS]


TABLES = {"power": power_rows, "false": false_rows}


def main() -> None:
    """Print both tables in Markdown, row by row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--confidence", type=float, default=0.95)
    parser.add_argument("--only", choices=TABLES, nargs="*", default=list(TABLES))
    options = parser.parse_args()
    gate = replace(load("debian").gates["sft"], rise=(), confidence=options.confidence, resamples=2000)
    gate = replace(gate, retention_pooled_margin=0.03, retention_suite_margin=0.05, retention_point_margin=0.02)
    for name in options.only:
        click.echo(f"\n{name}, {options.runs} simulated evaluations per cell\n")
        for number, row in enumerate(TABLES[name](gate, options.runs)):
            click.echo(f"| {' | '.join(row)} |" + (f"\n{'|---' * len(row)}|" if number == 0 else ""))


if __name__ == "__main__":
    main()
