"""The judge against cargo, side by side, on the Rust references of HumanEval-X, and on the answers of a step of GRPO.

    RUSTML_BENCHMARK_DATA=FOLDER python -m benchmarks.judge [--rounds 3] [--no-alone]

The folder holds `humaneval_x_rust.jsonl.gz`. Runs alternate, so that a busy machine slows all alike. Starts of the
judge are not counted. Processor time is that of all processes started for a verdict: other work on the machine changes
it less than wall time.
"""

import dataclasses
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace
from rich.console import Console
from rich.table import Table

from benchmarks.processor_time import adopt_orphans, processor_seconds
from rustml.banks import load_bank
from rustml.banks.families import draw
from rustml.judge import Judge, Limits
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Candidate, Verdict, candidate_of
from rustml.rust.lexer import tokens

LIMITS = Limits(cpu_seconds=0.5, run_seconds=5)
BATCH = 128
STEP, ANSWERS = 128, 8
"""Answers of one step of GRPO, and of them to each problem."""
LONE = 40
"""References that are judged one at a time, for the time of a lone verdict."""
CARGO = 4
"""Candidates that cargo judges in a round: it is slow, and all of its verdicts cost the same."""
FILE = "humaneval_x_rust.jsonl.gz"


def references() -> list[Candidate]:
    """The references that need no external crate, of the file in the folder that RUSTML_BENCHMARK_DATA names."""
    folder = os.environ.get("RUSTML_BENCHMARK_DATA")
    if folder is None:
        raise click.ClickException(f"set RUSTML_BENCHMARK_DATA to the folder that holds {FILE}")
    bank = load_bank("humaneval-x-rust", Path(folder) / FILE)
    return [candidate_of(problem, problem.reference, problem.id) for problem in bank.problems]


def half_broken(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Every second candidate broken, in turn by a parse, a type, a borrow error and (one in ten) an endless loop."""
    broken = []
    for number, candidate in enumerate(candidates):
        code = candidate.code if number % 2 else _break(candidate.code, number // 2)
        broken.append(replace(candidate, code=code))
    return broken


def _break(code: str, number: int) -> str:
    start = code.index("{") + 1
    if number % 10 == 9:
        return code[:start] + " loop { std::hint::spin_loop(); } " + code[start:]
    text = (" let x = ; ", ' let x: u8 = "a"; ', " let v = vec![1]; drop(v); drop(v); ", " { ")[number % 4]
    return code[:start] + text + code[start:]


def step() -> list[Candidate]:
    """Different answers to drawn problems: references, references with another number, and such that lack a token."""
    problems = draw("rust", "train", STEP // ANSWERS, 17)
    return [
        candidate_of(problem, code, f"{problem.id}#{number}")
        for problem in problems
        for number, code in enumerate(_answers(problem.reference))
    ]


def _answers(reference: str) -> Iterator[str]:
    stream = tokens(reference)
    last = next((token for token in reversed(stream) if token.kind == "number"), stream[-1])
    yield reference
    for number in range(1, ANSWERS):
        lacking = stream[len(stream) * number // ANSWERS]
        place, text = (last, str(1000 + number)) if number % 2 else (lacking, "")
        yield reference[: place.start] + text + reference[place.end :]


@dataclass
class Row:
    """Something that judges, and what its rounds came to."""

    name: str
    judge: Callable[[], Sequence[Verdict]]
    verdicts: Sequence[Verdict] = ()
    walls: list[float] = field(default_factory=list)
    processors: list[float] = field(default_factory=list)
    """Seconds per verdict, as are those of the wall."""

    def measure(self) -> None:
        """One round."""
        before, started = processor_seconds(), time.monotonic()
        self.verdicts = self.judge()
        wall = time.monotonic() - started
        self.walls.append(wall / len(self.verdicts))
        self.processors.append((processor_seconds() - before) / len(self.verdicts))

    def cells(self, slow: "Row") -> tuple[str, ...]:
        """The row of the table, beside cargo's."""
        wall, processor = statistics.median(self.walls), statistics.median(self.processors)
        theirs = statistics.median(slow.walls), statistics.median(slow.processors)
        counts = Counter(verdict.status for verdict in self.verdicts).most_common()
        return (
            self.name,
            str(len(self.verdicts)),
            f"{len(self.verdicts) * wall:.2f}",
            f"{1000 * processor:.1f}",
            f"{theirs[0] / wall:.0f}",
            f"{theirs[1] / processor:.0f}",
            ", ".join(f"{number} {status}" for status, number in counts),
        )


@contextmanager
def rows(right: list[Candidate], broken: list[Candidate]) -> Iterator[list[Row]]:
    """Cargo, and judges that have started."""
    kinds = {
        "references": (right, 2, True),
        "references, 1 worker": (right, 1, True),
        "references, no lints": (right, 2, False),
        "half of them broken": (broken, 2, True),
        "a step of GRPO, no lints": (step(), 2, False),
    }
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        _run(["cargo", "init", "--quiet", "--lib", "--vcs=none", "--name=candidate", str(folder)], folder)
        made = [Row("cargo build, clippy, test", partial(cargo, folder, right[:CARGO]))]
        for name, (candidates, workers, lints) in kinds.items():
            judge = stack.enter_context(Judge(LIMITS, workers=workers, batch_size=BATCH, lints=lints))
            judge.judge(right[:1])
            made.append(Row(name, partial(judge.judge, candidates)))
        yield made


def alone(candidates: Sequence[Candidate]) -> tuple[float, list[Verdict]]:
    """Median seconds of a lone verdict, and the verdicts, one at a time."""
    seconds, verdicts = [], []
    with Judge(LIMITS) as judge:
        for candidate in candidates:
            started = time.monotonic()
            verdicts += judge.judge([candidate])
            seconds.append(time.monotonic() - started)
    return statistics.median(seconds), verdicts


def cargo(folder: Path, candidates: Sequence[Candidate]) -> list[Verdict]:
    """Verdicts of `cargo build`, `cargo clippy` and `cargo test`, one candidate after another; each has to pass."""
    for candidate in candidates:
        imports = "\n".join(re.findall(r"^use std.*;$", candidate.prelude, re.MULTILINE))
        (folder / "src" / "lib.rs").write_text(f"{imports}\n{candidate.code}\n{candidate.tests}")
        for words in (["build"], ["clippy"], ["test", "--quiet"]):
            _run(["cargo", *words, "--offline"], folder)
    return [unjudged_verdict(candidate.id, "passed", "", "none") for candidate in candidates]


def _run(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def agreement(one: Sequence[Verdict], other: Sequence[Verdict]) -> int:
    """How many verdicts are the same but for the time they took."""
    same = zip(one, other, strict=True)
    return sum(_timeless(a) == _timeless(b) for a, b in same)


def _timeless(verdict: Verdict) -> Verdict:
    return replace(verdict, seconds={})


def show_alone(right: Sequence[Candidate], broken: Sequence[Candidate], together: Sequence[Verdict]) -> None:
    """What lone verdicts take, and whether they are those of a batch."""
    seconds, _ = alone(right[:LONE])
    click.echo(f"{LONE} references one at a time: {seconds:.3f} s each (median)")
    seconds, singly = alone(broken)
    click.echo(f"half of them broken, one at a time: {seconds:.3f} s each (median)")
    click.echo(f"verdicts equal in a batch and one at a time: {agreement(together, singly)} of {len(broken)}")
    for one, other in zip(together, singly, strict=True):
        if _timeless(one) != _timeless(other):
            click.echo(f"  in a batch {one}\n  alone {other}")


@click.command(help=__doc__)
@click.option("--rounds", default=3, show_default=True)
@click.option("--alone/--no-alone", "one_by_one", default=True, help="Judge one candidate at a time too.")
def main(rounds: int, one_by_one: bool) -> None:
    """Measure and print."""
    right = references()
    adopt_orphans()
    broken = half_broken(right)
    with rows(right, broken) as made:
        for _ in range(rounds):
            for row in made:
                row.measure()
    table = Table("", "verdicts", "s", "processor ms each", "x cargo", "x cargo, processor", "")
    for row in made:
        table.add_row(*row.cells(made[0]))
    Console(width=150).print(table)
    if one_by_one:
        show_alone(right, broken, next(row.verdicts for row in made if row.name == "half of them broken"))
    load = os.getloadavg()[1]
    click.echo(f"{os.cpu_count()} processors, load {load:.0f}; batches of {BATCH}; {dataclasses.asdict(LIMITS)}")


if __name__ == "__main__":
    main()
