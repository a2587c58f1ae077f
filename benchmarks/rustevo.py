"""References of RustEvo² by plain rustc and by the judge, and why the two differ.

    python -m benchmarks.rustevo [FILE]

FILE is `rustevo2.json.gz`; without it RUSTML_BENCHMARK_DATA has to name the folder that holds it. Each reference is
compiled and tested as its upstream does it: code and tests in one file, `rustc --test`, no crate installed. The judge
is asked twice: with the problem's declaration pinned, and by the upstream's rule, under which an answer may declare
something else; references with unsafe code under the policy `unsafe`. The references run on this machine as they are.
"""

import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from rustml.judge import Judge, Limits
from rustml.records import Candidate, Verdict

LIMITS = Limits(cpu_seconds=60, run_seconds=120, weak_integrity=True)
"""Some tests copy 100 MiB a character at a time, without optimisation."""
EDITION = "2021"


def rows(path: Path) -> list[dict[str, Any]]:
    """The problems of the file."""
    with gzip.open(path, "rt") as stream:
        return list(json.load(stream))


def plain(row: dict[str, Any]) -> bool:
    """Whether rustc alone compiles the reference with its tests, and at least one test runs and all pass."""
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder, "both.rs"), Path(folder, "both")
        source.write_text(f"{row['code']}\n{row['test_program']}")
        argv = ["rustc", "--test", f"--edition={EDITION}", "-Cdebuginfo=0", "-o", program, source]
        if subprocess.run(argv, capture_output=True, check=False).returncode != 0:
            return False
        try:
            done = subprocess.run([program], cwd=folder, capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0 and b"running 0 tests" not in done.stdout


def candidate(row: dict[str, Any]) -> Candidate:
    """The reference as an answer to its own problem."""
    declared = row["function_signature"]
    name = re.search(r"\bfn\s+(\w+)|\b(?:struct|enum|trait)\s+(\w+)", declared)
    assert name is not None, declared
    return Candidate(
        id=str(row["task_idx"]),
        code=row["code"],
        tests=row["test_program"],
        entry_point=name[1] or name[2],
        signature=declared,
        edition=EDITION,
        policy="unsafe" if re.search(r"\bunsafe\b", row["code"]) else "strict",
    )


def judged(candidates: Sequence[Candidate]) -> list[Verdict]:
    """The verdicts, without lints."""
    with Judge(LIMITS, batch_size=64, lints=False) as judge:
        return judge.judge(list(candidates))


def main() -> None:
    """Measure and print."""
    folder = os.environ.get("RUSTML_BENCHMARK_DATA")
    if len(sys.argv) < 2 and folder is None:
        sys.exit("name rustevo2.json.gz, or set RUSTML_BENCHMARK_DATA to the folder that holds it")
    problems = rows(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(str(folder), "rustevo2.json.gz"))
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        passing = [row for row, passes in zip(problems, threads.map(plain, problems), strict=True) if passes]
    pinned = [candidate(row) for row in passing]
    upstream = [msgspec.structs.replace(one, pinned=False) for one in pinned]
    print(f"references {len(problems)}; plain rustc passes {len(passing)}")
    for rule, candidates in (("as declared", pinned), ("by the upstream's rule", upstream)):
        verdicts = judged(candidates)
        unsafe = sum(one.policy == "unsafe" for one in candidates)
        passes = Counter(verdict.status for verdict in verdicts)["passed"]
        print(f"the judge passes {passes}, {rule} ({unsafe} of them asked under the policy `unsafe`)")
        for verdict in verdicts:
            if verdict.status != "passed":
                print(f"  {verdict.id}: {verdict.status}: {verdict.detail}")


if __name__ == "__main__":
    main()
