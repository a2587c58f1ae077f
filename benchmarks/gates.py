"""How often the gate passes what lost nothing, and what lost its margin: `decide` itself on simulated evaluations.

    python -m benchmarks.gates [--runs 200] [--confidence 0.95] [--only power false coverage profiles]

Power: HumanEval and MBPP (164 and 500 items) under the default margins, of a candidate whose losses and gains balance.
False passes: one suite whose true loss is the margin, the point margin opened, so that the interval alone must hold.
Columns are numbers of samples per item, and the correlation of the differences of two samples of one item.
Coverage: the share of 95% intervals of one suite that hold the true loss.
Profiles: both for the retention suites of each profile of a pretrained model, with 12% of paired answers that differ.
"""

import argparse
from collections import defaultdict
from collections.abc import Iterator

import click
import numpy as np
from msgspec.structs import replace

from rustml.evaluation.results.outcome import Outcome
from rustml.evaluation.results.report_file import Evaluation
from rustml.evaluation.results.suite_result import SuiteResult
from rustml.profile import Profile, load
from rustml.profile.base import GgufBase, HubBase
from rustml.profile.gates import Thresholds
from rustml.profile.layers import DEFAULTS
from rustml.release import power
from rustml.release.gates import decide
from rustml.release.power import Size, differences, planned_sizes

COLUMNS = ((1, 0.0), (4, 0.0), (4, 0.12), (4, 0.3), (8, 0.12), (8, 0.3))
"""Samples per item, correlation."""
PUBLIC = {"humaneval": 164, "mbpp": 500}
"""Test items of public benchmarks."""
PROFILES = DEFAULTS.parent
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
COVERED = ((164, 0.0, 0.06), (164, 0.05, 0.11), (400, 0.0, 0.12), (664, 0.03, 0.12))
"""Items, true loss, share of answers that differ."""
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


def coverage_rows(gate: Thresholds, runs: int) -> Iterator[list[str]]:
    """How often the interval that the gate uses holds the truth."""
    yield ["items", "loss", "differ", *headers()]
    for items, loss, differing in COVERED:
        shares = [covers({"one": Size(items, k)}, gate, loss, differing, rho, runs) for k, rho in COLUMNS]
        yield [str(items), f"{loss:.0%}", f"{differing:.0%}", *(f"{share:.1%}" for share in shares)]


def covers(
    sizes: dict[str, Size], gate: Thresholds, loss: float, differing: float, correlation: float, runs: int
) -> float:
    """Share of simulated comparisons whose interval, the wider of the two on each side, holds `-loss`."""
    random, held = np.random.default_rng(17), 0
    for _ in range(runs):
        comparison = decide(*sides(random, sizes, loss, differing, correlation), gate).findings[0].comparison
        assert comparison is not None
        held += comparison.low <= -loss <= max(comparison.bootstrap.high, comparison.adjusted.high)
    return held / runs


def profile_rows(_gate: Thresholds, runs: int) -> Iterator[list[str]]:
    """The chances of the gates of profiles; of a true loss the pooled margin, the point margin opened."""
    yield ["suites", "profiles", "nothing lost", "margin lost"]
    alike: dict[tuple[tuple[str, Size], ...], list[Profile]] = defaultdict(list)
    for profile in of_pretrained():
        alike[tuple(sorted(retention_sizes(profile).items()))].append(profile)
    for sizes, profiles in alike.items():
        gate = replace(profiles[0].gates["sft"], rise=(), hold=(), margins={}, at_least={})
        margin, opened = gate.retention_pooled_margin, replace(gate, retention_point_margin=1.0)
        shares = [
            passes(dict(sizes), asked, loss, power.DIFFERING, power.CORRELATION, runs)
            for asked, loss in ((gate, 0.0), (opened, margin))
        ]
        suites = ", ".join(f"{name} {size.items}x{size.samples}" for name, size in sizes)
        yield [suites, ", ".join(each.name for each in profiles), *(f"{share:.1%}" for share in shares)]


def of_pretrained() -> Iterator[Profile]:
    """The profiles of pretrained models, and `gemma3-270m` again with the suites of its preset `public`."""
    for path in sorted(PROFILES.glob("*.yaml")):
        profile = load(path.stem) if path.stem != DEFAULTS.stem else None
        if profile is not None and isinstance(profile.base, HubBase | GgufBase):
            yield profile
    yield load("gemma3-270m", ["preset=public"])


def retention_sizes(profile: Profile) -> dict[str, Size]:
    """Items and samples of the retention suites that a lifecycle measures, public benchmarks whole."""
    sections = {name: profile.evaluation.suites[name] for name in profile.evaluation.lifecycle}
    whole = {name: Size(PUBLIC[s.problems], s.samples) for name, s in sections.items() if s.problems in PUBLIC}
    return whole | planned_sizes(profile)


def headers() -> list[str]:
    """Of the columns."""
    return [f"{samples} samples, {correlation:g}" if samples > 1 else "1 sample" for samples, correlation in COLUMNS]


TABLES = {"power": power_rows, "false": false_rows, "coverage": coverage_rows, "profiles": profile_rows}


def main() -> None:
    """Print the tables in Markdown, row by row."""
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
