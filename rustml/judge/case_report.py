"""What a supervisor inside the sandbox reports about one case, that is one candidate's tests.

The Rust harness and the Python test driver write the same lines: `nonce case test p|f|m|s|d|x|n` per record and
`nonce case end HOW CPU_US WALL_US` per case.
"""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field

from rustml.records import Status

REFUSED = "refused"
"""What a supervisor says of a process that could not be confined. No exit code says it: those are the candidate's."""


@dataclass
class CaseReport:
    """The records of one case."""

    passed: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)
    total: int | None = None
    """How many tests there are, where the supervisor says so."""
    starved: bool = False
    """An allocation was refused."""
    malformed: bool = False
    """The code is not Python."""
    distrusted: bool = False
    """The tests compared a type of the candidate's whose equality is not to be trusted."""
    forged: bool = False
    """A record came that the harness did not write: memory was reached that safe code cannot reach."""
    end: str = ""
    """`exit:CODE`, `signal:NUMBER`, `expired` (it waited for too long), `spent` (it computed for too long), `refused`
    (it could not be confined, and ran nothing of the candidate), or empty where the supervisor did not get so far."""
    seconds: float = 0.0
    """Wall time."""

    @property
    def spent(self) -> bool:
        """Whether it ran out of processor time, by any of its limits."""
        return self.end in ("spent", f"signal:{int(signal.SIGPROF)}", f"signal:{int(signal.SIGXCPU)}")

    @property
    def transient(self) -> bool:
        """Whether the load of the machine may have decided how it ended: it ran out of wall time."""
        return self.end == "expired" and not self.forged

    @property
    def refused(self) -> bool:
        """Whether the Rust harness says so: of a process that it has seen confined, no exit code can."""
        return self.end == "refused"

    @property
    def not_confined(self) -> bool:
        """Whether the process refused to run the candidate because it could not be confined."""
        return self.end == REFUSED

    def detail(self, expected: int) -> str:
        """The verdict's line for a human. It holds nothing that the load of the machine decides."""
        if self.forged:
            return "a record that no test of the harness wrote"
        if self.distrusted:
            return "the tests compare a type of the candidate's, and its equality is not a derived one"
        reasons = {"expired": "it waited until its time had expired", "": "the process did not end"}
        why = (
            "its processor time was spent"
            if self.spent
            else reasons.get(self.end, f"the process ended with {self.end}")
        )
        return f"{len(self.passed - self.failed)} of {expected} tests passed; {why}"

    def status(self, expected: int) -> Status:
        """The verdict on the tests alone. A test without a record never counts as passed."""
        kind, _, number = self.end.partition(":")
        if self.forged or self.distrusted or (kind == "signal" and int(number) == signal.SIGSYS):
            return "policy"
        if self.spent or kind == "expired":
            return "run_timeout"
        if kind == "signal":
            return "out_of_memory" if self.starved or int(number) == signal.SIGKILL else "crashed"
        if len(self.passed) == expected and not self.failed:
            return "passed"
        if self.starved:
            return "out_of_memory"
        return "wrong" if self.failed and len(self.passed | self.failed) == expected else "incomplete"


def read_reports(stream: bytes, nonce: str, cases: Sequence[int]) -> dict[int, CaseReport]:
    """One report per case; lines without the nonce are ignored."""
    reports = {case: CaseReport() for case in cases}
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
        elif words[3] == "n":
            report.total = int(words[2])
        elif words[3] == "d":
            report.distrusted = True
        elif words[3] == "x":
            report.forged = True
        else:
            (report.passed if words[3] == "p" else report.failed).add(int(words[2]))
    return reports
