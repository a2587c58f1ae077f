"""One candidate in its crate, in builds of its own: what every other way to judge it has to agree with."""

from collections.abc import Sequence
from pathlib import Path

from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import panic
from rustml.judge.in_crate.insertion import Insertion, Outcome, in_crate_verdict
from rustml.judge.in_crate.outer_tests import OuterProgram
from rustml.judge.in_crate.recompile import Compiled, Recompiler
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.judge.rust import diagnostics
from rustml.records import Diagnostic, Status, Verdict

Codes = frozenset[str]
"""Names of the lints that point into a candidate."""


class CandidateAlone:
    """Judges one insertion."""

    def __init__(self, sandbox: CrateSandbox, insertion: Insertion) -> None:
        place = insertion.place
        self._limits = sandbox.limits
        self._compiler = Recompiler(sandbox, place.crate)
        self._runner = CrateTestRunner(sandbox, place.crate)
        self._insertion, self._place = insertion, place
        self._site, self._eligibility = place.site, place.eligibility
        self._files = {place.site.path: place.site.file(insertion.function)}

    def verdict(self) -> Verdict:
        """Compile and lint, then test."""
        checked = self._checked()
        return checked if isinstance(checked, Verdict) else self.tested(checked)

    def _checked(self) -> Verdict | Codes:
        candidate = self._insertion.candidate
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._place.call, self._files, "check", out)
        if compilation.expired:
            return in_crate_verdict(candidate, self._insertion.sandbox, "compile_timeout")
        if not compilation.ok:
            return in_crate_verdict(candidate, self._insertion.sandbox, "compile_error", errors=_errors(compilation))
        start = self._site.start
        end = start + len(self._insertion.function.encode())  # the candidate's bytes in the file
        return compilation.lints(self._site.path, start, end)

    def tested(self, codes: Codes) -> Verdict:
        """The verdict on a function that compiles with these lints."""
        refused = self._insertion.refused(codes)
        return refused if refused is not None else self._insertion.compiled(codes, *self._tests())

    def _tests(self) -> Outcome:
        """The outcome of unit tests, then of those outside, and how many passed; without any, to compile is to pass."""
        status, passed = self._unit_tests() if self._eligibility.tests else ("passed", 0)
        if status != "passed" or not (self._eligibility.examples or self._eligibility.integration):
            return status, passed
        status, more = self._outer_tests()
        return status, passed + more

    def _unit_tests(self) -> Outcome:
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._place.test_call, self._files, "test", out)
            if not compilation.ok:
                return _uncompiled(compilation), 0
            status, passed = self._run(out / "tests", self._eligibility.tests).outcome(self._eligibility.tests)
        if status == "passed" and self._site.writes_test and not self._tests_its_function():
            return "wrong", 0
        return status, passed

    def _tests_its_function(self) -> bool:
        """Whether the written test fails once the function that it tests panics."""
        files = {self._site.path: self._site.file(self._insertion.function, entry=panic())}
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._place.test_call, files, "test", out)
            if not compilation.ok:  # nothing but the panic is new: it is called while the compiler computes a constant
                return not compilation.expired
            return self._run(out / "tests", self._eligibility.tests).failed >= set(self._eligibility.tests)

    def _outer_tests(self) -> Outcome:
        call, program = self._place.outer_call, OuterProgram.of(self._place.crate.sources, [self._eligibility])
        names = program.names(self._eligibility)
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(call, self._files, "library", out)
            if compilation.ok:
                compilation = program.link(self._compiler, call, out)
            if not compilation.ok:
                return _uncompiled(compilation), 0
            return self._run(out / "tests", names).outcome(names)

    def _run(self, tests: Path, names: Sequence[str]) -> CrateTestRun:
        return self._runner.run(tests, names, cpu=self._limits.cpu_seconds, seconds=self._limits.run_seconds)


def _uncompiled(compilation: Compiled) -> Status:
    return "compile_timeout" if compilation.expired else "compile_error"


def _errors(compilation: Compiled) -> tuple[Diagnostic, ...]:
    crash = (Diagnostic("", "the compiler crashed"),) if compilation.crashed else ()
    return diagnostics.summary(list(compilation.messages)) or crash or (Diagnostic("", "the compiler gave no reason"),)
