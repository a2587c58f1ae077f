"""Judge Python candidates: the tests in one process, the candidate in another that never sees them."""

import ast
import json
import secrets
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import UNSET

from rustml.errors import InputError, JudgeFault
from rustml.judge.case_report import CaseReport, read_reports
from rustml.judge.limits import Limits
from rustml.judge.python.guest import plan
from rustml.records import Candidate, Diagnostic, Status, Verdict
from rustml.sandbox import seccomp, workdir
from rustml.sandbox.command import Command
from rustml.sandbox.mounts import Mounts
from rustml.sandbox.process_limits import MEBIBYTE, ProcessLimits
from rustml.sandbox.processes import Processes
from rustml.sandbox.sandbox import Sandbox
from rustml.sandbox.shared_objects import shared_objects

_GUEST = Path(__file__).parent / "guest"
REFUSED = (seccomp.REACHING_OUT | seccomp.SIGNALS | seccomp.CONNECTIONS | {"timer_create"}) - {"socketpair"}
"""System calls that end a candidate."""
GUARDS = (*seccomp.OTHER_PROCESSES, *seccomp.OWN_LIMITS, *seccomp.LOCAL_SOCKET_PAIRS)
"""System calls that end a candidate for some arguments: the interpreter needs the others."""


class PythonExaminer:
    """Runs the tests of Python candidates in the sandbox, one process per candidate."""

    def __init__(self, sandbox: Sandbox, processes: Processes, limits: Limits) -> None:
        self._sandbox, self._processes, self._limits = sandbox, processes, limits
        self._mounts: Mounts | None = None
        self._filter = seccomp.program(REFUSED, kill=True, guards=GUARDS).hex()

    def verdicts(self, candidates: Sequence[Candidate]) -> list[Verdict]:
        """One verdict per candidate. Raises JudgeFault when the sandbox fails."""
        reports = self._examine(candidates, range(len(candidates)))
        return [self._verdict(candidate, reports[index]) for index, candidate in enumerate(candidates)]

    def _examine(self, candidates: Sequence[Candidate], cases: Sequence[int]) -> dict[int, CaseReport]:
        reports = self._attempt(candidates, cases)
        unreported = [case for case in cases if not reports[case].end]
        if unreported and len(cases) > 1:
            for case in unreported:
                reports |= self._attempt(candidates, [case])
        if any(reports[case].not_confined or not reports[case].end for case in cases):
            raise JudgeFault("the sandbox refused to confine a Python process")
        return reports

    def _attempt(self, candidates: Sequence[Candidate], cases: Sequence[int]) -> dict[int, CaseReport]:
        if not self._sandbox.isolated or self._sandbox.mounts:
            return self._run(candidates, cases, None)
        folder = workdir.WorkingFolder()
        try:
            return self._run(candidates, cases, folder.path)
        finally:
            folder.remove()

    def _run(
        self, candidates: Sequence[Candidate], cases: Sequence[int], scratch: Path | None
    ) -> dict[int, CaseReport]:
        """`scratch` is a folder for files of the tests, where nothing can be mounted."""
        limits, nonce = self._limits, secrets.token_hex(16)
        request = {
            "nonce": nonce,
            "limits": {
                "cpu": limits.cpu_seconds,
                "wall": limits.run_seconds,
                "memory": limits.memory_mb * MEBIBYTE,
                "file_size": limits.disk_mb * MEBIBYTE,
                "contained": self._sandbox.mounts,
                "scratch": str(scratch or ""),
                "filter": self._filter,
            },
            "cases": [[case, _case(candidates[case])] for case in cases],
        }
        driver = self._sandbox.path(_GUEST / "test_driver.py", "/guest/test_driver.py")
        allowed = ProcessLimits(
            cpu_seconds=len(cases) * (2 * limits.run_seconds + 2) + 10,
            memory_mb=4 * limits.memory_mb,
            file_mb=limits.disk_mb,
        )
        words = [str(_interpreter()), "-I", "-S", "-B", driver]
        writable = {scratch: str(scratch)} if scratch else {}
        argv = self._sandbox.wrap(Command(words, replace(self._visible(), write=writable), allowed))
        seconds = len(cases) * (2 * limits.longest_run + 1) + 10  # two processes compute
        text, memory = json.dumps(request).encode(), 2 * limits.tree_mb  # the tests' process, and the candidate's
        result = self._processes.run(argv, stdin=text, seconds=seconds, memory_mb=memory, output=1 << 24)
        return read_reports(result.stdout, nonce, cases)

    def _visible(self) -> Mounts:
        if self._mounts is None:
            program = _interpreter()
            library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
            paths = [program, program.resolve(), library, *shared_objects(program, *_compiled(library))]
            self._mounts = Mounts(read={**{path: str(path) for path in paths}, _GUEST: "/guest"}, may_mount=True)
        return self._mounts

    def _verdict(self, candidate: Candidate, report: CaseReport) -> Verdict:
        expected = count_tests(candidate)
        status: Status = "compile_error" if report.malformed else report.status(expected)
        return Verdict(
            id=candidate.id,
            status=status,
            compiles=not report.malformed,
            tests_passed=len(report.passed - report.failed),
            tests_expected=expected,
            clippy_clean=None,
            lints=(),
            errors=(Diagnostic("SyntaxError", "the code is not Python"),) if report.malformed else (),
            seconds={"run": round(report.seconds, 4)},
            sandbox=self._sandbox.name,
            detail="the code is not Python" if report.malformed else report.detail(expected),
            transient=report.transient or UNSET,
        )


def _interpreter() -> Path:
    """The interpreter itself: inside a virtual environment the executable is only a link to it."""
    return Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"


def _case(candidate: Candidate) -> dict[str, str]:
    return {"code": candidate.code, "tests": candidate.tests, "entry_point": candidate.entry_point}


def count_tests(candidate: Candidate) -> int:
    """How many tests a Python candidate's tests hold: top-level asserts, calls and blocks, and functions and methods.

    Raises InputError when they hold none or are not Python.
    """
    try:
        body = ast.parse(candidate.tests).body
    except (SyntaxError, ValueError) as error:
        raise InputError(f"candidate {candidate.id}: its tests are not Python: {error}") from error
    count = sum(step.test for step in plan.steps(body))
    if count == 0:
        raise InputError(f"candidate {candidate.id}: its tests hold no assert, no call and no test function")
    return count


def _compiled(library: Path) -> list[Path]:
    """The compiled modules of the standard library, whose libraries the sandbox has to hold too."""
    return sorted((library / "lib-dynload").glob("*.so"))
