"""Where the judge's processor time goes: shares of what it starts, and of its own text work.

    RUSTML_BENCHMARK_DATA=FOLDER python -m benchmarks.judge_shares [--rounds 3]

The folder holds `humaneval_x_rust.jsonl.gz`. Everything runs one after another, in two batches as for two workers, so
that the processor time of each part is its own. `one function` shows what a start costs, sandbox included.
"""

import contextlib
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from functools import partial, wraps
from typing import Any
from unittest import mock

import click
from rich.console import Console
from rich.table import Table

from benchmarks.judge import BATCH, LIMITS, half_broken, references, step
from benchmarks.processor_time import adopt_orphans, processor_seconds
from rustml.judge import Judge
from rustml.judge.rust.compiler import Compiler
from rustml.judge.rust.settling import CONTROL
from rustml.judge.rust.test_runner import CaseRunner
from rustml.records import Candidate

PARTS = {
    (Compiler, "library"): "libraries of candidates",
    (Compiler, "program"): "programs of tests",
    (Compiler, "check"): "clippy",
    (CaseRunner, "run"): "test processes",
}
OWN = "the judge itself"


class Inline(Executor):
    """Does at once what it is given, in the caller's thread."""

    def __init__(self, *_: object, **__: object) -> None:
        """Take what a pool of threads takes."""

    def submit(self, work: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
        """A future that has ended."""
        future: Future[Any] = Future()
        try:
            future.set_result(work(*given, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of some work and of all that it started, and its result."""
    before = processor_seconds()
    result = work()
    deadline = time.monotonic() + 1
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < deadline:
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.001)
    return processor_seconds() - before, result


@contextlib.contextmanager
def charged(seconds: defaultdict[str, float], starts: Counter[str]) -> Iterator[None]:
    """While this is open, what the parts take is added to `seconds`, and how often they start to `starts`."""

    def watch(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(real)
        def watched(*given: Any, **named: Any) -> Any:
            took, result = spent(partial(real, *given, **named))
            seconds[name] += took
            starts[name] += 1
            return result

        return watched

    with contextlib.ExitStack() as stack:
        for (owner, method), name in PARTS.items():
            stack.enter_context(mock.patch.object(owner, method, watch(name, getattr(owner, method))))
        yield


def shares(candidates: Sequence[Candidate], rounds: int, *, lints: bool) -> tuple[dict[str, float], dict[str, float]]:
    """Processor seconds and starts by part, per round."""
    seconds: defaultdict[str, float] = defaultdict(float)
    starts: Counter[str] = Counter()
    inline = mock.patch("rustml.judge.judge.ThreadPoolExecutor", Inline)
    with inline, Judge(LIMITS, workers=2, batch_size=BATCH, lints=lints) as judge:
        judge.judge(candidates)
        with charged(seconds, starts):
            total = sum(spent(lambda: judge.judge(candidates))[0] for _ in range(rounds))
    seconds[OWN] = total - sum(seconds.values())
    per_round = {name: seconds[name] / rounds for name in (*PARTS.values(), OWN)}
    return per_round, {name: count / rounds for name, count in starts.items()}


def table(kinds: Mapping[str, tuple[Sequence[Candidate], bool]], rounds: int) -> Table:
    """Milliseconds of processor time, one column per kind."""
    shown = Table("processor ms", *kinds)
    columns = [shares(candidates, rounds, lints=lints) for candidates, lints in kinds.values()]
    for name in (*PARTS.values(), OWN):
        cells = []
        for seconds, starts in columns:
            text = f"{1000 * seconds[name]:.0f} ({100 * seconds[name] / sum(seconds.values()):.0f}%)"
            cells.append(f"{text}, {starts[name]:.1f} starts" if starts.get(name) else text)
        shown.add_row(name, *cells)
    return shown


@click.command(help=__doc__)
@click.option("--rounds", default=3, show_default=True)
def main(rounds: int) -> None:
    """Measure and print."""
    right = references()
    adopt_orphans()
    kinds = {
        "references": (right, True),
        "half of them broken": (half_broken(right), True),
        "a step of GRPO": (step(), False),
        "one function": ([CONTROL], True),
    }
    Console(width=150).print(table(kinds, rounds))
    click.echo(f"{os.cpu_count()} processors, load {os.getloadavg()[1]:.0f}")


if __name__ == "__main__":
    main()
