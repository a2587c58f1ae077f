"""Run a compiled test program and read what it reports."""

import secrets
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.case_report import CaseReport, read_reports
from rustml.judge.limits import Limits
from rustml.sandbox import seccomp
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import MEBIBYTE, ProcessLimits
from rustml.sandbox.processes import Processes
from rustml.sandbox.sandbox import Sandbox

REFUSED = seccomp.REACHING_OUT | seccomp.ESCAPING_LIMITS
"""System calls that end a candidate."""
SLOW_MS = 100
"""A case that takes longer ends its sandbox: what that wastes, a start, is a quarter of this."""


class CaseRunner:
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
        self._filter = seccomp.program(REFUSED, kill=True).hex()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="judge-run")

    def close(self) -> None:
        """Wait for the last sandbox."""
        self._threads.shutdown(cancel_futures=True)

    def run(self, program: Path, cases: Sequence[int]) -> dict[int, CaseReport]:
        """Run the cases with these numbers. Raises JudgeFault when one could not be run at all."""
        program.chmod(0o111)  # not even its own process can read the tests out of the file
        reports: dict[int, CaseReport] = {}
        pending = {self._threads.submit(self._attempt, program, cases)}
        try:
            while pending:
                finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                for ended, parts in (future.result() for future in finished):
                    reports |= ended
                    pending |= {self._threads.submit(self._attempt, program, part) for part in parts}
        finally:
            wait(pending)  # also after a fault: the program's file has to stay until the last process has ended
        return reports

    def _attempt(self, program: Path, cases: Sequence[int]) -> tuple[dict[int, CaseReport], list[list[int]]]:
        """The reports of the cases that ended, and the others in the parts in which to run them next."""
        complete, reports = self._supervised(program, cases)
        unreported = [case for case in cases if not reports[case].end]
        if (unreported and len(cases) == 1) or any(report.refused for report in reports.values()):
            raise JudgeFault("the sandbox refused to confine a test process")
        ended = {case: report for case, report in reports.items() if report.end}
        # Without its supervisor: each alone.
        parts = min(len(unreported), self._workers) if complete and ended else len(unreported)
        return ended, [unreported[part::parts] for part in range(parts)]

    def _supervised(self, program: Path, cases: Sequence[int]) -> tuple[bool, dict[int, CaseReport]]:
        """One call of the program: whether its supervisor came to its own end, and one report per case."""
        limits, nonce = self._limits, secrets.token_hex(16)
        mounts = Mounts(read={**self._libraries, program: "/t"}, may_mount=True)
        allowed = ProcessLimits(
            cpu_seconds=len(cases) * (limits.cpu_seconds + 3) + 10,
            memory_mb=4 * limits.memory_mb,
            file_mb=limits.disk_mb,
        )
        argv = self._sandbox.wrap(Command([self._sandbox.path(program, "/t")], mounts, allowed))
        request: list[int | str] = [nonce, int(limits.cpu_seconds * 1000), int(limits.run_seconds * 1000)]
        request += [limits.memory_mb * MEBIBYTE, limits.disk_mb * MEBIBYTE]
        request += [int(self._sandbox.mounts), SLOW_MS, self._filter]
        text = " ".join(map(str, [*request, *cases]))
        seconds = len(cases) * limits.longest_run + 10
        result = self._processes.run(argv, stdin=text.encode(), seconds=seconds, memory_mb=limits.tree_mb)
        return result.stdout.endswith(f"{nonce} done\n".encode()), read_reports(result.stdout, nonce, cases)
