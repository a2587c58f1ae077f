"""A busy machine changes no verdict: what computes is charged its processor time, and only what waits is timed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judge_cases import LIMITS, RIGHT, WRONG, candidate

from rustml.judge import Judge
from rustml.records import Candidate, Verdict

TIGHT = replace(LIMITS, compile_seconds=20, run_seconds=0.5, cpu_seconds=0.4)
BUSY = RIGHT.replace(
    "    xs",
    "    let mut n = 0u64;\n    while n < 3_000_000 {\n        n = std::hint::black_box(n + 1);\n    }\n    xs",
    1,
)
SLEEPS = RIGHT.replace("    xs", "    std::thread::sleep(std::time::Duration::from_secs(30));\n    xs", 1)
DOZES = RIGHT.replace(
    "    xs", "    loop {\n        std::thread::sleep(std::time::Duration::from_millis(5));\n    }\n    xs", 1
)
ENDLESS = RIGHT.replace("    xs", "    while std::hint::black_box(true) {}\n    xs", 1)
CODES = {"right": RIGHT, "wrong": WRONG, "busy": BUSY, "sleeps": SLEEPS, "endless": ENDLESS, "broken": RIGHT + "fn"}
PYTHON = {
    "busy": "def double(x):\n    for _ in range(1_000_000):\n        pass\n    return 2 * x\n",
    "sleeps": "import time\ndef double(x):\n    time.sleep(30)\n    return 2 * x\n",
    "endless": "def double(x):\n    while True:\n        pass\n",
}


def timeless(verdict: Verdict) -> tuple[object, ...]:
    return tuple(getattr(verdict, name) for name in verdict.__struct_fields__ if name != "seconds")


def named(name: str) -> Candidate:
    if name in CODES:
        return candidate(CODES[name], name)
    code = PYTHON[name.removeprefix("python ")]
    return Candidate(id=name, code=code, tests="assert double(2) == 4\n", entry_point="double", language="python")


NAMES = [*CODES, *(f"python {name}" for name in PYTHON)]


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    """All that this thread starts shares one processor, so that the others stay free for whoever needs them."""
    all_of_them = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(all_of_them)})
    with Judge(TIGHT, workers=2, lints=False) as judge:
        yield judge
    os.sched_setaffinity(0, all_of_them)


@pytest.fixture(scope="module")
def alone(judge: Judge) -> dict[str, Verdict]:
    return {name: judge.judge([named(name)])[0] for name in NAMES}


@pytest.fixture
def crowd() -> Iterator[None]:
    """Processes that never rest, in sessions of their own as the judge's are: Linux shares time out by session."""
    argv = [sys.executable, "-c", "while True: pass"]
    hogs = [subprocess.Popen(argv, start_new_session=True) for _ in range(6)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


def test_alone_each_gets_its_status(alone: dict[str, Verdict]) -> None:
    late, expected = "run_timeout", {"right": "passed", "wrong": "wrong", "busy": "passed", "broken": "compile_error"}
    for name in NAMES:
        assert alone[name].status == expected.get(name.removeprefix("python "), late), alone[name]


@pytest.mark.usefixtures("crowd")
@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(NAMES), min_size=4, max_size=10, unique=True))
def test_neither_load_nor_company_changes_a_verdict(judge: Judge, alone: dict[str, Verdict], names: list[str]) -> None:
    verdicts = judge.judge([named(name) for name in names])
    assert [timeless(verdict) for verdict in verdicts] == [timeless(alone[name]) for name in names]


def test_dozing_is_waiting(judge: Judge) -> None:
    assert judge.judge([candidate(DOZES)])[0].status == "run_timeout"
