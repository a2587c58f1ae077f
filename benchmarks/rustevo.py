"""References of RustEvo² by plain rustc and by the suite, and why the two differ.

    python -m benchmarks.rustevo [FILE]

FILE is the file of tasks, or the folder with the API changes beside it; without it RUSTML_BENCHMARK_DATA has to name
the folder that holds `rustevo2.json.gz`. Each reference is compiled and tested as its upstream does it: code and tests
in one file, `rustc --test`, no crate installed. Then each is an answer to its own item of the suite, references with
unsafe code under the policy `unsafe`, and once more with the declaration pinned. The references run on this machine as
they are. `benchmarks.references` judges all, with crates.
"""

import argparse
import os
import subprocess
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from rustml.banks import load_bank
from rustml.banks.bank import Bank
from rustml.banks.sources.rustevo import EDITION, rustevo_rows
from rustml.judge import Judge, Limits
from rustml.records import Problem, Verdict, candidate_of

LIMITS = Limits(cpu_seconds=60, run_seconds=120, weak_integrity=True)
"""Some tests copy 100 MiB a character at a time, without optimisation."""


def plain(row: Mapping[str, Any]) -> bool:
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


def verdicts(problems: Sequence[Problem], *, pinned: bool) -> list[Verdict]:
    """The verdicts on references, asked as the stage `bank` and the suite ask, without lints."""
    asked = [msgspec.structs.replace(problem, pinned=pinned) for problem in problems]
    with Judge(LIMITS, batch_size=64, lints=False) as judge:
        return judge.judge([candidate_of(problem, problem.reference, problem.id) for problem in asked])


def passed(given: Sequence[Verdict]) -> int:
    """How many passed."""
    return sum(verdict.status == "passed" for verdict in given)


def compare(bank: Bank, passing: Sequence[str]) -> None:
    """Print what becomes of the references that plain rustc passes: in the suite, and with the declaration pinned."""
    problems = [problem for problem in bank.problems if problem.id in set(passing)]
    unsafe = sum(problem.policy == "unsafe" for problem in problems)
    print(f"of them {len(problems)} are items of the suite ({unsafe} under the policy `unsafe`)")
    for name in sorted(set(passing) & bank.excluded.keys()):
        print(f"  {name}: excluded: {bank.excluded[name]}")
    for rule, pinned in (("in the suite", False), ("as declared", True)):
        given = verdicts(problems, pinned=pinned)
        print(f"the judge passes {passed(given)}, {rule}")
        for verdict in given:
            if verdict.status != "passed":
                print(f"  {verdict.id}: {verdict.status}: {verdict.detail}")


def main() -> None:
    """Measure and print."""
    folder = os.environ.get("RUSTML_BENCHMARK_DATA", "")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, default=Path(folder, "rustevo2.json.gz") if folder else None)
    arguments = parser.parse_args()
    if arguments.file is None:
        parser.error("name rustevo2.json.gz, or set RUSTML_BENCHMARK_DATA to the folder that holds it")
    bank = load_bank("rustevo2", arguments.file)
    print(f"items {len(bank.problems)}; excluded {len(bank.excluded)}: {dict(Counter(bank.excluded.values()))}")
    tasks = [row.value for row in rustevo_rows(arguments.file)]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        outcomes = zip(tasks, threads.map(plain, tasks), strict=True)
        passing = [f"RustEvo2/{task['task_idx']}" for task, passes in outcomes if passes]
    print(f"references {len(tasks)}; plain rustc passes {len(passing)}")
    compare(bank, passing)


if __name__ == "__main__":
    main()
