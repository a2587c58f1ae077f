"""A busy machine changes no verdict: what computes is charged its processor time, and only what waits is timed."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rustml.judge import Judge
from rustml.records import Candidate, Verdict
from tests.support.judge_cases import LIMITS, RIGHT, WRONG, candidate

TIGHT = replace(LIMITS, compile_seconds=20, run_seconds=2, cpu_seconds=1.2)
BUSY = RIGHT.replace(
    "    xs",
    "    let mut n = 0u64;\n    while n < 35_000_000 {\n        n = std::hint::black_box(n + 1);\n    }\n    xs",
    1,
)
SLEEPS = RIGHT.replace("    xs", "    std::thread::sleep(std::time::Duration::from_secs(30));\n    xs", 1)
DOZES = RIGHT.replace(
    "    xs", "    loop {\n        std::thread::sleep(std::time::Duration::from_millis(5));\n    }\n    xs", 1
)
ENDLESS = RIGHT.replace("    xs", "    while std::hint::black_box(true) {}\n    xs", 1)
CODES = {"right": RIGHT, "wrong": WRONG, "busy": BUSY, "sleeps": SLEEPS, "endless": ENDLESS, "broken": RIGHT + "fn"}
PYTHON = {
    "busy": "def double(x):\n    for _ in range(8_000_000):\n        pass\n    return 2 * x\n",
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


# Ends with the test, even one that is killed: a processor that spins for ever slows everybody down.
SPIN = [sys.executable, "-c", "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"]


class Crowd:
    """Processes that never rest, on the judge's processor, and the least share of it that one of them got in a while.

    Where strangers leave less than an eighth, computing cannot be told from waiting, and nothing was promised.
    """

    def __init__(self, size: int) -> None:
        self.least = 1.0
        self._hogs = [subprocess.Popen(SPIN, start_new_session=True) for _ in range(size)]
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._sample, args=((~self._hogs[0].pid << 3) | 2,))
        self._watch.start()

    def _sample(self, clock: int) -> None:
        self._done.wait(1)  # it has to start first
        seen, computed = time.monotonic(), time.clock_gettime(clock)
        while not self._done.wait(0.25):
            period, share = time.monotonic() - seen, time.clock_gettime(clock) - computed
            self.least = min(self.least, share / period)
            seen, computed = seen + period, computed + share

    def disperse(self) -> None:
        self._done.set()
        self._watch.join()
        for hog in self._hogs:
            hog.kill()
            hog.wait()

    def excuse(self) -> None:
        """Skip the test if strangers left too little."""
        if self.least < 1 / 8:
            pytest.skip(f"others left {self.least:.1%} of a processor: too little to tell computing from waiting")


@contextmanager
def crowded(size: int) -> Iterator[Crowd]:
    crowd = Crowd(size)
    try:
        yield crowd
    finally:
        crowd.disperse()


@pytest.fixture(scope="module")
def alone(judge: Judge) -> dict[str, Verdict]:
    late, expected = "run_timeout", {"right": "passed", "wrong": "wrong", "busy": "passed", "broken": "compile_error"}
    with crowded(1) as crowd:
        verdicts = {name: judge.judge([named(name)])[0] for name in NAMES}
    statuses = {name: verdicts[name].status for name in NAMES}
    if statuses != {name: expected.get(name.removeprefix("python "), late) for name in NAMES}:
        crowd.excuse()
        pytest.fail(f"alone: {verdicts}")
    return verdicts


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(NAMES), min_size=4, max_size=7, unique=True))
def test_neither_load_nor_company_changes_a_verdict(judge: Judge, alone: dict[str, Verdict], names: list[str]) -> None:
    with crowded(4) as crowd:
        verdicts = judge.judge([named(name) for name in names])
    if [timeless(verdict) for verdict in verdicts] != [timeless(alone[name]) for name in names]:
        crowd.excuse()
        pytest.fail(f"in company: {verdicts}; alone: {alone}")


def test_dozing_is_waiting(judge: Judge) -> None:
    assert judge.judge([candidate(DOZES)])[0].status == "run_timeout"
