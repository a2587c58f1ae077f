"""Candidates of a crate judged in shared builds beside one at a time: processor time, wall time, and the same verdicts.

    python -m benchmarks.inplace_together --pairs RUN/output/holdout.jsonl [--crates A,B] [--mutants 4] [--sample 60]

Per eligible function: the reference, `todo!()`, a body that does not compile, and mutants as the stage `mine` makes
them. All are judged together; every n-th, `--sample` in all, is judged once more by itself. Processor time is that of
every process started for it: other work on the machine changes it less than wall time.

With `--sandboxes` all are judged together under bubblewrap and under Landlock, and the verdicts are compared.
"""

import argparse
import os
import platform
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks.inplace import made, unwritten
from benchmarks.processor_time import adopt_orphans, processor_seconds
from rustml.cache_layout import CacheLayout
from rustml.evaluation.kinds.holdout import COMPILES, INPLACE, TASK, TESTED
from rustml.evaluation.suites.suite import Suite
from rustml.judge.in_crate.judge import InCrateJudge
from rustml.mining.variants import Body
from rustml.records import Candidate, Pair, Problem, Verdict, candidate_of, read_jsonl, write_jsonl
from rustml.tasks import task_of


@dataclass(frozen=True)
class Timed:
    """Verdicts, and what they took."""

    verdicts: list[Verdict]
    wall: float
    processor: float

    @property
    def each(self) -> float:
        """Processor seconds of one candidate."""
        return self.processor / len(self.verdicts)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--crates", default="", help="only pairs of these crates, by name")
    parser.add_argument("--mutants", type=int, default=4)
    parser.add_argument("--sample", type=int, default=60)
    parser.add_argument("--cache", type=Path, default=Path("outputs/cache"))
    parser.add_argument("--sandbox", default="auto", help="of all builds and runs")
    parser.add_argument("--sandboxes", action="store_true", help="compare verdicts of both sandboxes")
    options = parser.parse_args()
    adopt_orphans()
    names = set(filter(None, options.crates.split(",")))
    with tempfile.TemporaryDirectory() as folder:
        chosen = [pair for pair in read_jsonl(options.pairs, Pair) if not names or pair.origin.name in names]
        write_jsonl(Path(folder) / "holdout.jsonl", chosen)
        pairs, cache = Path(folder) / "holdout.jsonl", CacheLayout(options.cache)
        if options.sandboxes:
            compare_sandboxes(*(under(name, pairs, cache, options.mutants) for name in ("bubblewrap", "landlock")))
            return
        with made(pairs, 0, cache, options.sandbox) as suite:
            compare(suite, options.mutants, options.sample)


def compare(suite: Suite, mutants: int, sample: int) -> None:
    """Judge both ways and print how they compare."""
    judge = suite.judge
    assert isinstance(judge, InCrateJudge)
    asked = list(candidates(suite.problems, mutants))
    together = timed(judge.judge, asked)
    reasons = dict(judge.alone)
    step = max(1, len(asked) // sample)
    alone = timed(lambda some: list(map(judge.verdict, some)), asked[::step])
    differing = [
        (one, other) for one, other in zip(together.verdicts[::step], alone.verdicts, strict=True) if one != other
    ]
    crates = {problem.tags["crate"] for problem in suite.problems if problem.tags[INPLACE] in (COMPILES, TESTED)}
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}")
    print(f"{len(asked)} candidates for {len(crates)} crates: {dict(Counter(v.status for v in together.verdicts))}")
    print(f"judged in builds of their own, by reason: {reasons}")
    print(f"processor time of one candidate: alone / together = {alone.each / together.each:.1f}")
    wall = (alone.wall / len(alone.verdicts)) / (together.wall / len(together.verdicts))
    print(f"wall time of one candidate: one after another / together = {wall:.1f}")
    print(f"{len(differing)} of {len(alone.verdicts)} verdicts differ")
    for one, other in differing:
        print(f"  together {one}\n  alone    {other}")


@dataclass(frozen=True)
class Judged:
    """What one sandbox gave."""

    tags: dict[str, str]
    """By problem, what judges it."""
    timed: Timed


def under(sandbox: str, pairs: Path, cache: CacheLayout, mutants: int) -> Judged:
    """Verdicts on the candidates of a file of pairs, all judged together in a sandbox."""
    with made(pairs, 0, cache, sandbox) as suite:
        assert isinstance(suite.judge, InCrateJudge)
        result = timed(suite.judge.judge, list(candidates(suite.problems, mutants)))
        print(f"{sandbox}: {len(result.verdicts)} verdicts, {result.processor:.0f} s of processor time,", end=" ")
        print(f"{result.wall:.0f} s; {dict(Counter(one.status for one in result.verdicts))}")
        return Judged({problem.id: problem.tags[INPLACE] for problem in suite.problems}, result)


def compare_sandboxes(one: Judged, other: Judged) -> None:
    """Print where the two differ."""
    tags = [(name, tag, other.tags[name]) for name, tag in one.tags.items() if tag != other.tags[name]]
    print(f"{len(one.tags)} pairs, {len(tags)} of them are judged by something else: {tags}")
    first, second = ({verdict.id: verdict for verdict in judged.timed.verdicts} for judged in (one, other))
    both = [(verdict, second[name]) for name, verdict in first.items() if name in second]
    differing = [(a, b) for a, b in both if msgspec.structs.replace(a, sandbox=b.sandbox) != b]
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[1]:.0f}")
    print(f"{len(both)} candidates judged in both; {len(differing)} verdicts differ")
    for a, b in differing:
        print(f"  {a}\n  {b}")


def candidates(problems: Sequence[Problem], mutants: int) -> Iterator[Candidate]:
    """The references of eligible problems, and wrong variants of those that ask for a whole function."""
    for problem in problems:
        if problem.tags[INPLACE] not in (COMPILES, TESTED) or not task_of(problem.tags[TASK]).asks_for_code:
            continue
        codes = [problem.reference]
        if task_of(problem.tags[TASK]).answer_kind == "function":
            codes += [unwritten(problem.reference), Body(problem.reference).with_block("{ not_there }")]
            codes += Body(problem.reference).mutants(mutants)
        yield from (candidate_of(problem, code, f"{problem.id}#{number}") for number, code in enumerate(codes))


def timed(judge: Callable[[Sequence[Candidate]], list[Verdict]], asked: Sequence[Candidate]) -> Timed:
    """Verdicts on all of them."""
    before, started = processor_seconds(), time.monotonic()
    verdicts = judge(asked)
    wall = time.monotonic() - started
    return Timed(verdicts, wall, processor_seconds() - before)


def processor() -> str:
    """The processor's name, where Linux tells it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
