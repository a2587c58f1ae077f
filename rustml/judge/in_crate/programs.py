"""Test programs that hold many candidates as variants; each variant is run in a sandbox of its own."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import WHOLE_SECONDS
from rustml.judge.in_crate.insertion import Insertion, Outcome, grouped
from rustml.judge.in_crate.outer_tests import OuterProgram
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.judge.in_crate.variants import Variants

MOST_VARIANTS = 64
"""Candidates in one program. A function takes the stack of all its variants together."""
Outcomes = dict[Insertion, Outcome]
Result = TypeVar("Result")


class Programs:
    """Tests insertions into one crate. Those that no program with others can test are not among the outcomes."""

    def __init__(self, sandbox: CrateSandbox, compiler: Recompiler, runner: CrateTestRunner, runs: Executor) -> None:
        """`runs` runs the tests of several candidates at once."""
        self._limits, self._compiler, self._runner, self._runs = sandbox.limits, compiler, runner, runs

    def unit_tests(self, insertions: Sequence[Insertion]) -> Outcomes:
        """The outcomes of the unit tests that cover each."""
        outcomes: Outcomes = {}
        for group in grouped(insertions, lambda one: one.eligibility.test_call):
            outcomes |= in_parts(group, self._unit_tests)
        return outcomes

    def outer_tests(self, insertions: Sequence[Insertion]) -> Outcomes:
        """The outcomes of the doc-tests and integration tests that cover each."""
        outcomes: Outcomes = {}
        for group in grouped(insertions, lambda one: one.place.outer_call.arguments):
            outcomes |= in_parts(group, self._outer_tests)
        return outcomes

    def _unit_tests(self, group: Sequence[Insertion]) -> Outcomes | None:
        call, variants = group[0].place.test_call, Variants(group)
        with self._compiler.folder() as out:
            if not self._compiler.compile(call, variants.files(call.root), "test", out).ok:
                return None
            return self._runs_of(out / "tests", variants, {one: one.eligibility.tests for one in group})

    def _outer_tests(self, group: Sequence[Insertion]) -> Outcomes | None:
        place, variants = group[0].place, Variants(group)
        program = OuterProgram.of(place.crate.sources, [one.eligibility for one in group])
        with self._compiler.folder() as out:
            call = place.outer_call
            if not self._compiler.compile(call, variants.files(call.root), "library", out).ok:
                return None
            if not program.link(self._compiler, call, out).ok:
                return None
            return self._runs_of(out / "tests", variants, {one: program.names(one.eligibility) for one in group})

    def _runs_of(self, program: Path, variants: Variants, names: Mapping[Insertion, tuple[str, ...]]) -> Outcomes:
        """The outcomes of tests by their names, but for those that fail although every function is its reference.

        Such a test notices the program itself: it asks for the number of a line, for example.
        """
        together = sorted({name for one in names.values() for name in one})
        runner, limits = self._runner, self._limits
        whole = runner.run(program, together, cpu=WHOLE_SECONDS, seconds=2 * WHOLE_SECONDS, variant=variants.none)
        fit = [one for one, tests in names.items() if whole.passed.issuperset(tests)]
        run = _Run(program, variants, names, runner, limits.cpu_seconds, limits.run_seconds)
        return dict(zip(fit, self._runs.map(run.outcome, fit), strict=True))


def in_parts(
    group: Sequence[Insertion],
    test: Callable[[Sequence[Insertion]], dict[Insertion, Result] | None],
    most: int = MOST_VARIANTS,
) -> dict[Insertion, Result]:
    """The results of one program, or of programs with half as many variants where that one does not compile.

    A program has at most `most` variants.
    """
    if not group:
        return {}
    results = test(group) if len(group) <= most else None
    if results is None and len(group) > 1:
        half = len(group) // 2
        return in_parts(group[:half], test, most) | in_parts(group[half:], test, most)
    return results or {}


@dataclass(frozen=True)
class _Run:
    """Runs of one program."""

    program: Path
    variants: Variants
    names: Mapping[Insertion, tuple[str, ...]]
    runner: CrateTestRunner
    cpu: float
    seconds: float

    def outcome(self, one: Insertion) -> Outcome:
        """The outcome of the tests of one insertion; a written test has to fail once its function panics."""
        names = self.names[one]
        outcome = self._run(names, self.variants.choosing(one)).outcome(names)
        if outcome[0] != "passed" or not one.site.writes_test:
            return outcome
        return outcome if self._run(names, self.variants.panicking(one)).failed >= set(names) else ("wrong", 0)

    def _run(self, names: Sequence[str], variant: Mapping[str, str]) -> CrateTestRun:
        return self.runner.run(self.program, names, cpu=self.cpu, seconds=self.seconds, variant=variant)
