"""Run a compiled test program and read what it reports."""

import secrets
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.records import Status
from rustml.sandbox.bubblewrap import Sandbox, View
from rustml.sandbox.limits import MEBIBYTE, Limits
from rustml.sandbox.processes import Processes

_SIGPROF, _SIGSYS, _SIGKILL, _SIGXCPU = 27, 31, 9, 24
_REFUSED = 97
SLOW_MS = 100
"""A case that takes longer ends its sandbox: what that wastes, a start, is a quarter of this."""


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
    """Runs test programs, each in a sandbox of its own, each case in a process of its own.

    One sandbox takes the cases one after another, as most take less time than a sandbox. After a slow one it stops, and
    what is left of them is shared out among the workers.
    """

    def __init__(
        self, sandbox: Sandbox, processes: Processes, limits: Limits, libraries: Sequence[Path], workers: int
    ) -> None:
        """`libraries` are all that a program may be linked to: to ask the program itself would be to trust it.

        At most `workers` sandboxes are at work at a time.
        """
        self._sandbox, self._processes, self._limits, self._workers = sandbox, processes, limits, workers
        self._libraries = {path: str(path) for path in libraries}
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="judge-run")

    def close(self) -> None:
        """Wait for the last sandbox."""
        self._threads.shutdown(cancel_futures=True)

    def run(self, program: Path, cases: Sequence[int]) -> dict[int, Report]:
        """Run the cases with these numbers. Raises JudgeFault when one could not be run at all."""
        program.chmod(0o111)  # not even its own process can read the tests out of the file
        reports: dict[int, Report] = {}
        pending = {self._threads.submit(self._attempt, program, cases)}
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for ended, left in (future.result() for future in finished):
                    reports |= ended
                    pending |= {self._threads.submit(self._attempt, program, part) for part in left}
        finally:
            wait(pending)  # also after a fault: the program's file has to stay until the last process has ended
        return reports

    def _attempt(self, program: Path, cases: Sequence[int]) -> tuple[dict[int, Report], list[list[int]]]:
        """The reports of the cases that ended, and the others in the parts in which to run them next."""
        whole, reports = self._supervised(program, cases)
        left = [case for case in cases if not reports[case].end]
        if (left and len(cases) == 1) or any(report.end == f"exit:{_REFUSED}" for report in reports.values()):
            raise JudgeFault("the sandbox refused to confine a test process")
        ended = {case: report for case, report in reports.items() if report.end}
        parts = min(len(left), self._workers) if whole and ended else len(left)  # without its supervisor: each alone
        return ended, [left[part::parts] for part in range(parts)]

    def _supervised(self, program: Path, cases: Sequence[int]) -> tuple[bool, dict[int, Report]]:
        """One call of the program: whether its supervisor came to its own end, and a report a case."""
        limits, nonce = self._limits, secrets.token_hex(16)
        view = View(read={**self._libraries, program: "/t"}, temporary=True)
        argv = self._sandbox.wrap(
            [self._sandbox.path(program, "/t")],
            view,
            seconds=len(cases) * (limits.cpu_seconds + 3) + 10,
            memory_mb=4 * limits.memory_mb,
            file_mb=limits.disk_mb,
        )
        request = [nonce, int(limits.cpu_seconds * 1000), int(limits.run_seconds * 1000)]
        request += [limits.memory_mb * MEBIBYTE, limits.disk_mb * MEBIBYTE]
        request += [int(self._sandbox.kind == "bubblewrap"), SLOW_MS]
        text = " ".join(map(str, [*request, *cases]))
        seconds = len(cases) * limits.longest_run + 10
        done = self._processes.run(argv, stdin=text.encode(), seconds=seconds, memory_mb=limits.tree_mb)
        return done.stdout.endswith(f"{nonce} done\n".encode()), read_reports(done.stdout, nonce, cases)


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
