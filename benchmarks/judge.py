"""The judge against cargo, side by side, on the Rust references of HumanEval-X.

RUSTML_BENCHMARK_DATA has to name a folder with `humaneval_x_rust.jsonl.gz`. Prints one table. Each row says how many
verdicts/s came out, of how many candidates; the runs alternate, so that a busy machine slows all alike.
"""

import dataclasses
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from msgspec.structs import replace

from rustml.banks import load_bank
from rustml.judge import Judge, Limits
from rustml.records import Candidate, Verdict, candidate_of

LIMITS = Limits(cpu_seconds=0.5, run_seconds=5)
BATCH = 128
ROUNDS = 3
LONE = 40
"""References that are judged one at a time, for the time of a lone verdict."""
CARGO = 12
"""Candidates that cargo judges: it is slow, and all of its verdicts cost the same."""
FILE = "humaneval_x_rust.jsonl.gz"


def references(folder: Path) -> list[Candidate]:
    """The references that need no external crate."""
    bank = load_bank("humaneval-x-rust", folder / FILE)
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


def measure(candidates: list[Candidate], workers: int, repeats: int) -> tuple[float, list[Verdict]]:
    """Verdicts/s, the median of `repeats` rounds, and the verdicts of the last."""
    rates = []
    with Judge(LIMITS, workers=workers, batch_size=BATCH) as judge:
        judge.judge(candidates[:1])
        for _ in range(repeats):
            started = time.monotonic()
            verdicts = judge.judge(candidates)
            rates.append(len(candidates) / (time.monotonic() - started))
    return statistics.median(rates), verdicts


def alone(candidates: Sequence[Candidate]) -> tuple[float, list[Verdict]]:
    """Median seconds of a lone verdict, and the verdicts, one at a time."""
    seconds, verdicts = [], []
    with Judge(LIMITS) as judge:
        for candidate in candidates:
            started = time.monotonic()
            verdicts += judge.judge([candidate])
            seconds.append(time.monotonic() - started)
    return statistics.median(seconds), verdicts


def cargo(candidates: Sequence[Candidate]) -> float:
    """Verdicts/s of `cargo build`, `cargo clippy` and `cargo test`, one candidate after another."""
    folder = Path(tempfile.mkdtemp())
    try:
        _run(["cargo", "init", "--quiet", "--lib", "--vcs=none", "--name=candidate", str(folder)], folder)
        started = time.monotonic()
        for candidate in candidates:
            imports = "\n".join(re.findall(r"^use std.*;$", candidate.prelude, re.MULTILINE))
            (folder / "src" / "lib.rs").write_text(f"{imports}\n{candidate.code}\n{candidate.tests}")
            for words in (["build"], ["clippy"], ["test", "--quiet"]):
                _run(["cargo", *words, "--offline"], folder)
        return len(candidates) / (time.monotonic() - started)
    finally:
        shutil.rmtree(folder)


def _run(argv: list[str], folder: Path) -> None:
    subprocess.run(argv, cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def agreement(one: Sequence[Verdict], other: Sequence[Verdict]) -> int:
    """How many verdicts are the same but for the time they took."""
    same = zip(one, other, strict=True)
    return sum(_timeless(a) == _timeless(b) for a, b in same)


def _timeless(verdict: Verdict) -> Verdict:
    return replace(verdict, seconds={})


def main() -> None:
    """Measure and print."""
    folder = os.environ.get("RUSTML_BENCHMARK_DATA")
    if folder is None:
        sys.exit(f"set RUSTML_BENCHMARK_DATA to the folder that holds {FILE}")
    right = references(Path(folder))
    broken = half_broken(right)
    rows = []
    slow = cargo(right[:CARGO])
    rows.append((f"cargo build + clippy + test, {CARGO} references", slow, ""))
    for workers in (1, 2):
        rate, verdicts = measure(right, workers, repeats=ROUNDS)
        note = f"{rate / slow:.0f}x cargo; {Counter(v.status for v in verdicts).most_common()}"
        rows.append((f"judge, {len(right)} references, {workers} worker(s)", rate, note))
    rate, verdicts = measure(broken, 2, repeats=1)
    rows.append(
        (f"judge, {len(broken)}, half of them broken, 2 workers", rate, f"{Counter(v.status for v in verdicts)}")
    )
    seconds, _ = alone(right[:LONE])
    rows.append((f"judge, {LONE} references one at a time", 1 / seconds, f"{seconds:.3f} s each (median)"))
    seconds, singly = alone(broken)
    rows.append((f"judge, the half broken {len(broken)} one at a time", 1 / seconds, f"{seconds:.3f} s each (median)"))
    for name, rate, note in rows:
        print(f"{name:52} {rate:8.2f} /s  {note}")
    print(f"verdicts equal in a batch and one at a time: {agreement(verdicts, singly)} of {len(broken)}")
    for one, other in zip(verdicts, singly, strict=True):
        if _timeless(one) != _timeless(other):
            print(f"  in a batch {one}\n  alone {other}")
    print(f"limits: {dataclasses.asdict(LIMITS)}; batches of {BATCH}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
