"""Verdicts on answers inserted into a crate, where the reference stood."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rustml.errors import JudgeFault
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility, panic
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.recompile import Compiled, Recompiler
from rustml.judge.in_crate.sites import InsertionSite, insertable_function
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.judge.rust import diagnostics
from rustml.judge.rust.compiler import POLICY_LINTS
from rustml.judge.rust.lints import FRAGMENT
from rustml.judge.verdicts import unjudged_verdict
from rustml.progress import ProgressCallback
from rustml.records import Candidate, Diagnostic, Status, Verdict
from rustml.rust.doctests import program

SANDBOX = "bubblewrap+rlimits+seccomp"


@dataclass(frozen=True)
class JudgeableSite:
    """A site that can be judged, what it can be judged by, and its crate."""

    site: InsertionSite
    eligibility: Eligibility
    crate: PreparedCrate


class InCrateJudge:
    """Judges candidates whose id is `<pair id>#<sample>`: in the crate where the pair has a site, else by text.

    By text means `passed` for the words of the reference and `wrong` for others, with `compiles` None.
    """

    def __init__(
        self, sandbox: CrateSandbox, sites: Mapping[str, JudgeableSite], references: Mapping[str, str]
    ) -> None:
        """`references` has the expected answer of every pair, `sites` those pairs that can be judged in their crate."""
        self._sandbox, self._sites, self._references = sandbox, sites, references

    def judge(self, candidates: Sequence[Candidate], progress: ProgressCallback | None = None) -> list[Verdict]:
        """One verdict per candidate, in their order."""
        workers = len(os.sched_getaffinity(0))
        with ThreadPoolExecutor(workers, thread_name_prefix="in-crate") as threads:
            pending = [threads.submit(self.verdict, candidate) for candidate in candidates]
            try:
                for count, future in enumerate(as_completed(pending), start=1):
                    future.result()
                    if progress is not None:
                        progress(count, len(candidates))
            except BaseException:
                for future in pending:
                    future.cancel()
                raise
        return [future.result() for future in pending]

    def verdict(self, candidate: Candidate) -> Verdict:
        """The verdict on one candidate."""
        pair = candidate.id.rpartition("#")[0]
        site = self._sites.get(pair)
        if site is None:
            same = candidate.code.split() == self._references[pair].split()
            return unjudged_verdict(candidate.id, "passed" if same else "wrong", "judged by its text alone", "none")
        if len(candidate.code) > self._sandbox.limits.source_kb * 1024:
            return unjudged_verdict(candidate.id, "policy", "the code is too long", SANDBOX)
        function, refusal = insertable_function(site.site, candidate.code)
        if refusal == "syntax":
            return _verdict(candidate, "compile_error", errors=(Diagnostic("", f"no whole function {site.site.name}"),))
        if refusal:
            return unjudged_verdict(candidate.id, "policy", refusal, SANDBOX)
        return self._attempted(_CandidateInCrate(self._sandbox, site, candidate, function))

    def _attempted(self, attempt: "_CandidateInCrate") -> Verdict:
        try:
            return attempt.verdict()
        except JudgeFault:
            try:
                return attempt.verdict()
            except JudgeFault as fault:
                return unjudged_verdict(attempt.candidate.id, "infrastructure", str(fault), SANDBOX)


class _CandidateInCrate:
    """One candidate in its crate."""

    def __init__(self, sandbox: CrateSandbox, site: JudgeableSite, candidate: Candidate, function: str) -> None:
        self._limits = sandbox.limits
        self._compiler = Recompiler(sandbox, site.crate)
        self._runner = CrateTestRunner(sandbox, site.crate)
        self._site, self._eligibility = site.site, site.eligibility
        self._calls = site.crate.built.invocations
        self.candidate, self._function, self._size = candidate, function, len(function.encode())
        self._files = {site.site.path: site.site.file(function)}

    def verdict(self) -> Verdict:
        """Compile and lint, then test."""
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._calls[self._eligibility.call], self._files, "check", out)
        if compilation.expired:
            return _verdict(self.candidate, "compile_timeout")
        if not compilation.ok:
            return _verdict(self.candidate, "compile_error", errors=_errors(compilation))
        start, end = self._site.start, self._site.start + self._size  # the candidate's bytes in the file
        codes = {message.code for message in compilation.messages if message.inside(self._site.path, start, end)} - {""}
        policy = sorted((codes & POLICY_LINTS.keys()) - set(self._eligibility.excused))
        if policy:
            return unjudged_verdict(self.candidate.id, "policy", POLICY_LINTS[policy[0]], SANDBOX)
        status, passed = self._tests()
        expected = len(self._eligibility.tests) + len(self._eligibility.examples)
        lints = tuple(sorted(codes - FRAGMENT))
        return _verdict(self.candidate, status, compiles=True, passed=passed, expected=expected, lints=lints)

    def _tests(self) -> tuple[Status, int]:
        """The outcome of unit tests, then of examples, and how many passed; without any, to compile is to pass."""
        status, passed = self._unit_tests() if self._eligibility.tests else ("passed", 0)
        if status != "passed" or not self._eligibility.examples:
            return status, passed
        status, more = self._examples()
        return status, passed + more

    def _unit_tests(self) -> tuple[Status, int]:
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._calls[self._eligibility.test_call], self._files, "test", out)
            if not compilation.ok:
                return _uncompiled(compilation), 0
            status, passed = _outcome(self._run(out / "tests", self._eligibility.tests), self._eligibility.tests)
        if status == "passed" and self._site.writes_test and not self._tests_its_function():
            return "wrong", 0
        return status, passed

    def _tests_its_function(self) -> bool:
        """Whether the written test fails once the function that it tests panics."""
        files = {self._site.path: self._site.file(self._function, entry=panic())}
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._calls[self._eligibility.test_call], files, "test", out)
            if not compilation.ok:  # nothing but the panic is new: it is called while the compiler computes a constant
                return not compilation.expired
            return self._run(out / "tests", self._eligibility.tests).failed >= set(self._eligibility.tests)

    def _examples(self) -> tuple[Status, int]:
        call, codes = self._calls[self._eligibility.call], list(enumerate(self._eligibility.examples))
        names = [f"example_{number}" for number, _ in codes]
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(call, self._files, "library", out)
            if compilation.ok:
                (out / "examples.rs").write_text(program(codes, call.crate))
                compilation = self._compiler.link(out / "examples.rs", call, out)
            return _outcome(self._run(out / "tests", names), names) if compilation.ok else (_uncompiled(compilation), 0)

    def _run(self, tests: Path, names: Sequence[str]) -> CrateTestRun:
        return self._runner.run(tests, names, cpu=self._limits.cpu_seconds, seconds=self._limits.run_seconds)


def _outcome(ran: CrateTestRun, names: Sequence[str]) -> tuple[Status, int]:
    return ran.status(names), len(ran.passed & set(names))


def _uncompiled(compilation: Compiled) -> Status:
    return "compile_timeout" if compilation.expired else "compile_error"


def _errors(compilation: Compiled) -> tuple[Diagnostic, ...]:
    crash = (Diagnostic("", "the compiler crashed"),) if compilation.crashed else ()
    return diagnostics.summary(list(compilation.messages)) or crash or (Diagnostic("", "the compiler gave no reason"),)


def _verdict(
    candidate: Candidate,
    status: Status,
    *,
    compiles: bool = False,
    passed: int = 0,
    expected: int = 0,
    lints: tuple[str, ...] = (),
    errors: tuple[Diagnostic, ...] = (),
) -> Verdict:
    return Verdict(
        id=candidate.id,
        status=status,
        compiles=compiles,
        tests_passed=passed,
        tests_expected=expected,
        clippy_clean=not lints if compiles else None,
        lints=lints,
        errors=errors,
        seconds={},
        sandbox=SANDBOX,
    )
