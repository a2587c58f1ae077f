"""Run a compiled test program and read what it reports."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.limits import MEBIBYTE, Limits
from rustml.judge.process import Processes
from rustml.judge.sandbox import Sandbox, View
from rustml.records import Status

_SIGPROF, _SIGSYS, _SIGKILL, _SIGXCPU = 27, 31, 9, 24
_REFUSED = 97


@dataclass
class Report:
    """What the supervisor said about one case."""

    passed: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    starved: bool = False
    """An allocation was refused."""
    malformed: bool = False
    """Python: the code is none."""
    forged: bool = False
    """A record came that the harness did not write: memory was reached that safe code cannot reach."""
    end: str = ""
    """`exit:CODE`, `signal:NUMBER`, `expired` (it waited for too long), `spent` (it computed for too long), or empty
    where the supervisor did not get so far."""
    seconds: float = 0.0

    @property
    def spent(self) -> bool:
        """Whether it ran out of processor time, by whichever of its limits came first."""
        return self.end in ("spent", f"signal:{_SIGPROF}", f"signal:{_SIGXCPU}")

    def detail(self, expected: int) -> str:
        """The verdict's line for a human. It holds nothing that the load of the machine decides."""
        if self.forged:
            return "a record that no test of the harness wrote"
        reasons = {"expired": "it waited until its time had expired", "": "the process did not end"}
        why = (
            "its processor time was spent"
            if self.spent
            else reasons.get(self.end, f"the process ended with {self.end}")
        )
        return f"{len(self.passed)} of {expected} tests passed; {why}"

    def status(self, expected: int) -> Status:
        """The verdict on the tests alone. A test without a record never counts as passed."""
        kind, _, number = self.end.partition(":")
        if self.forged or (kind == "signal" and int(number) == _SIGSYS):
            return "policy"
        if self.spent or kind == "expired":
            return "run_timeout"
        if kind == "signal":
            return "out_of_memory" if self.starved or int(number) == _SIGKILL else "crashed"
        if len(self.passed) == expected and not self.failed:
            return "passed"
        if self.starved:
            return "out_of_memory"
        return "wrong" if self.failed and len(self.passed | self.failed) == expected else "incomplete"


class Runner:
    """Runs test programs, each in a sandbox of its own, each case in a process of its own."""

    def __init__(self, sandbox: Sandbox, processes: Processes, limits: Limits, libraries: Sequence[Path]) -> None:
        """`libraries` are all that a program may be linked to: to ask the program itself would be to trust it."""
        self._sandbox, self._processes, self._limits = sandbox, processes, limits
        self._libraries = {path: str(path) for path in libraries}

    def run(self, program: Path, cases: Sequence[int]) -> dict[int, Report]:
        """Run the cases with these numbers. Raises JudgeFault when one could not be run at all."""
        reports = self._attempt(program, cases)
        missing = [case for case in cases if not reports[case].end]
        if missing and len(cases) > 1:
            for case in missing:
                reports |= self._attempt(program, [case])
        faults = [case for case in cases if reports[case].end in ("", f"exit:{_REFUSED}")]
        if faults:
            raise JudgeFault("the sandbox refused to confine a test process")
        return reports

    def _attempt(self, program: Path, cases: Sequence[int]) -> dict[int, Report]:
        limits, nonce = self._limits, secrets.token_hex(16)
        program.chmod(0o111)  # not even its own process can read the tests out of the file
        view = View(read={**self._libraries, program: "/t"}, temporary=True)
        argv = self._sandbox.wrap(
            [self._sandbox.path(program, "/t")],
            view,
            seconds=len(cases) * (limits.cpu_seconds + 3) + 10,
            memory_mb=4 * limits.memory_mb,
            file_mb=limits.disk_mb,
        )
        request = [nonce, int(limits.cpu_seconds * 1000), int(limits.run_seconds * 1000)]
        request += [limits.memory_mb * MEBIBYTE, limits.disk_mb * MEBIBYTE, int(self._sandbox.kind == "bubblewrap")]
        text = " ".join(map(str, [*request, *cases]))
        seconds = len(cases) * limits.longest_run + 10
        done = self._processes.run(argv, stdin=text.encode(), seconds=seconds, memory_mb=limits.tree_mb)
        return read_reports(done.stdout, nonce, cases)


def read_reports(stream: bytes, nonce: str, cases: Sequence[int]) -> dict[int, Report]:
    """Lines are `nonce case test p|f|m|s|x` and `nonce case end HOW CPU_US WALL_US`; all else is ignored."""
    reports = {case: Report() for case in cases}
    for line in stream.decode("ascii", errors="replace").splitlines():
        words = line.split()
        if len(words) < 4 or words[0] != nonce:
            continue
        report = reports[int(words[1])]
        if words[2] == "end":
            report.end, report.seconds = words[3], int(words[5]) / 1e6
        elif words[3] == "m":
            report.starved = True
        elif words[3] == "s":
            report.malformed = True
        elif words[3] == "x":
            report.forged = True
        else:
            (report.passed if words[3] == "p" else report.failed).add(int(words[2]))
    return reports
