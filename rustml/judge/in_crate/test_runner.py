"""Run a crate's tests and read their records."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rustml.judge.in_crate.crate_sandbox import Confinement, Room
from rustml.judge.in_crate.prepared_crate import Workshop
from rustml.records import Status

RECORD = re.compile(r"^test (\S+)(?: - should panic)? \.\.\. (ok|FAILED)$", re.MULTILINE)
LISTED = re.compile(r"^(\S+): test$", re.MULTILINE)
_SIGKILL, _SIGXCPU, _SIGSYS = 9, 24, 31


@dataclass(frozen=True)
class Ran:
    """What a test program's records say."""

    passed: frozenset[str]
    failed: frozenset[str]
    code: int
    """Its exit code; negative, or above 128, for a signal."""
    expired: bool

    def status(self, expected: Sequence[str]) -> Status:
        """`passed` only where every expected test left its own record of success and the program ended as they do."""
        wanted = frozenset(expected)
        signal = -self.code if self.code < 0 else self.code - 128 if self.code > 128 else 0
        if self.expired or signal == _SIGXCPU:
            return "run_timeout"
        if wanted <= self.passed and not self.failed and self.code == 0:
            return "passed"
        if signal == _SIGKILL:
            return "out_of_memory"
        if signal:
            return "policy" if signal == _SIGSYS else "crashed"
        return "wrong" if self.failed and wanted <= self.passed | self.failed else "incomplete"


class Runner:
    """Runs test programs of one crate."""

    def __init__(self, confinement: Confinement, workshop: Workshop) -> None:
        self._confinement, self._workshop = confinement, workshop

    def run(self, program: Path, tests: Sequence[str] = (), *, cpu: float, seconds: float) -> Ran:
        """Run the named tests, or all of them; `cpu` and wall `seconds` bound them together."""
        # The crate's files are there, as cargo has them: tests read their fixtures.
        room = Room(read={self._confinement.tools.sysroot / "lib": "/rust/lib", self._workshop.crate: "/crate"})
        words = ["--test-threads=1", *(["--exact", *tests] if tests else [])]
        done = self._confinement.run(program, words, room, cpu=cpu, seconds=seconds)
        found = RECORD.findall(done.stdout.decode("utf-8", "replace"))
        named = {"ok": {name for name, how in found if how == "ok"}, "FAILED": {n for n, how in found if how != "ok"}}
        # A name with both records was written by something else than the test harness.
        return Ran(
            frozenset(named["ok"] - named["FAILED"]), frozenset(named["FAILED"]), done.returncode,
            done.expired or done.flooded,
        )  # fmt: skip
