"""Run a crate's tests and read their records."""

import re
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from rustml.judge.in_crate.crate_sandbox import WORK, CrateSandbox
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.records import Status
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.processes import signal_of

NO_VARIANT: Mapping[str, str] = MappingProxyType({})
RECORD = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)(?: <([\d.]+)s>)?$", re.MULTILINE)
TIMES = ("-Zunstable-options", "--report-time")
"""Words with which a test program says how long each test took, for a harness that takes itself for a nightly one."""
NIGHTLY = {"RUSTC_BOOTSTRAP": "1"}


@dataclass(frozen=True)
class CrateTestRun:
    """The records of a test program."""

    passed: frozenset[str]
    failed: frozenset[str]
    returncode: int
    expired: bool
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Wall time of each test, where it was asked for."""

    def status(self, expected: Sequence[str]) -> Status:
        """`passed` only if every expected test has a record of success, none failed, and the program exited with 0."""
        names = frozenset(expected)
        number = signal_of(self.returncode)
        if self.expired or number == signal.SIGXCPU:
            return "run_timeout"
        if names <= self.passed and not self.failed and self.returncode == 0:
            return "passed"
        if number == signal.SIGKILL:
            return "out_of_memory"
        if number:
            return "policy" if number == signal.SIGSYS else "crashed"
        return "wrong" if self.failed and names <= self.passed | self.failed else "incomplete"

    def outcome(self, expected: Sequence[str]) -> tuple[Status, int]:
        """The status, and how many of the expected tests passed."""
        return self.status(expected), len(self.passed & set(expected))


class CrateTestRunner:
    """Runs test programs of one crate."""

    def __init__(self, sandbox: CrateSandbox, crate: PreparedCrate) -> None:
        self._sandbox, self._crate = sandbox, crate

    def run(
        self,
        program: Path,
        tests: Sequence[str] = (),
        *,
        cpu: float,
        seconds: float,
        variant: Mapping[str, str] = NO_VARIANT,
        timed: bool = False,
    ) -> CrateTestRun:
        """Run the named tests, or all of them; `cpu` and wall `seconds` bound them together.

        `variant` is the environment variable that chooses one of the program's candidates. `timed` asks for the
        time of each test.
        """
        # The crate's files are there, as cargo has them: tests read their fixtures.
        mounts = Mounts(read={self._crate.sources: WORK}, work=WORK)
        words = ["--test-threads=1", *(TIMES if timed else ()), *(["--exact", *tests] if tests else [])]
        environment = {**variant, **(NIGHTLY if timed else {})}
        result = self._sandbox.run(program, words, mounts, cpu=cpu, seconds=seconds, environment=environment)
        records = RECORD.findall(result.stdout.decode("utf-8", "replace"))
        successes = frozenset(name for name, outcome, _ in records if outcome == "ok")
        failures = frozenset(name for name, outcome, _ in records if outcome != "ok")
        # A name with both records was written by something else than the test harness.
        times = {name: float(seconds) for name, _, seconds in records if seconds}
        return CrateTestRun(successes - failures, failures, result.returncode, result.expired or result.flooded, times)
