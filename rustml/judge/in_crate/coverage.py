"""Which tests cover each of many functions of a crate's library, found by failing on purpose in few programs.

A program holds every function twice: as it stands, and with a body that panics, one chosen when it starts
(`variants.py`). A test covers a function if it passes where none panics and fails where that one does. `eligibility.py`
builds a program per function instead: it answers for sites that share no build as well.
"""

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate
from pathlib import Path

import msgspec

from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import MOST_TESTS, TIMED_OUT, Eligibility, named_first, panic
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite
from rustml.judge.in_crate.invocation import Invocation
from rustml.judge.in_crate.outer_tests import OuterProgram, usable_files
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.programs import in_parts
from rustml.judge.in_crate.reading import sites_read
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sites import InsertionSite
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.judge.in_crate.variants import Variants
from rustml.records import Candidate
from rustml.rust.doctests import MOST

SUITE_SECONDS = 20.0
"""Processor time of all tests of a program together; those that have not ended by then cover nothing."""
PATIENCE = 4
"""Wall time of a run in which a function panics, as a multiple of the time of its tests where none does."""
QUICK_SECONDS = 2.0
"""Time of the tests that are run for each function: of slower suites the quickest tests, as far as this goes."""
MOST_FUNCTIONS = 512
"""Functions in one program: a body that panics takes no stack."""
Covering = dict[Insertion, tuple[str, ...]]
Outer = tuple[tuple[str, ...], tuple[str, ...]]
"""Doc-tests, and names of integration tests."""
NOTHING: Outer = ((), ())


def library_calls(crate: PreparedCrate) -> tuple[int, int]:
    """Numbers of the calls that make the crate's library and the library's test program; -1 for none."""
    calls = crate.built.invocations
    library = next((number for number, call in enumerate(calls) if call.is_library), -1)
    if library < 0:
        return -1, -1
    name, root = calls[library].crate, calls[library].root
    tests = (number for number, call in enumerate(calls) if call.test and (call.crate, call.root) == (name, root))
    return library, next(tests, -1)


class CoverageScan:
    """Looks at functions of one crate."""

    def __init__(self, sandbox: CrateSandbox, crate: PreparedCrate, runs: Executor) -> None:
        """`runs` runs the tests for several functions at once."""
        self._crate, self._runs, self._limits = crate, runs, sandbox.limits
        self._compiler, self._runner = Recompiler(sandbox, crate), CrateTestRunner(sandbox, crate)

    def eligibility(self, sites: Sequence[InsertionSite], examples: Sequence[str]) -> dict[str, Eligibility]:
        """What judges each site, by its id; `examples` are the crate's doc-tests.

        Raises JudgeFault where the sandbox fails.
        """
        library, test = library_calls(self._crate)
        if library < 0:
            fault = "crate_does_not_build" if self._crate.built.fault else "no_library"
            return {site.id: Eligibility(fault=fault) for site in sites}
        call = self._crate.built.invocations[library]
        read = set(sites_read(self._compiler, call, sites))
        fit = self._compiled([site for site in sites if site.id in read], library, test)
        panicking = [self._panicking(site, fit[site.id]) for site in sites if site.id in fit]
        tests = in_parts(panicking, self._unit_tests, MOST_FUNCTIONS) if test >= 0 else {}
        outer = in_parts(panicking, lambda group: self._outer_tests(group, examples), MOST_FUNCTIONS)
        found = {
            one.site.id: msgspec.structs.replace(
                one.eligibility,
                tests=tests.get(one, ()),
                examples=outer.get(one, NOTHING)[0],
                integration=outer.get(one, NOTHING)[1],
            )
            for one in panicking
        }
        lost = {site.id: Eligibility(fault="not_compiled_here") for site in sites if site.id not in read}
        fault = TIMED_OUT if self._compiler.expired else "reference_does_not_compile"
        uncompiled = {site: Eligibility(fault=fault) for site in read if site not in fit}
        return lost | uncompiled | found

    def _compiled(self, sites: Sequence[InsertionSite], library: int, test: int) -> dict[str, Eligibility]:
        """The sites with the policy lints of their references; none where the crate as it stands does not compile."""
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._crate.built.invocations[library], {}, "check", out)
        if not compilation.ok:
            return {}
        eligible: dict[str, Eligibility] = {}
        for site in sites:
            lints = compilation.lints(site.path, site.start, site.end)
            excused = tuple(sorted(code for code in lints if "disallowed" in code))
            eligible[site.id] = Eligibility(call=library, test_call=test, excused=excused)
        return eligible

    def _panicking(self, site: InsertionSite, eligibility: Eligibility) -> Insertion:
        header = site.reference.encode()[: site.body - site.start].decode()
        candidate = Candidate(id=site.id, code="", tests="", entry_point=site.name)
        return Insertion(candidate, JudgeableSite(site, eligibility, self._crate), f"{header}{{ {panic()} }}")

    def _unit_tests(self, group: Sequence[Insertion]) -> Covering | None:
        """The unit tests that cover each; None where the program does not compile."""
        call, variants = group[0].place.test_call, Variants(group)
        with self._compiler.folder() as out:
            if not self._compiler.compile(call, variants.files(call.root), "test", out).ok:
                return None
            return self._failing(out / "tests", variants)

    def _outer_tests(self, group: Sequence[Insertion], examples: Sequence[str]) -> dict[Insertion, Outer] | None:
        """The doc-tests and integration tests that cover each; None where the library does not compile."""
        call, variants = group[0].place.outer_call, Variants(group)
        with self._compiler.folder() as out:
            if not self._compiler.compile(call, variants.files(call.root), "library", out).ok:
                return None
            program = self._linked(call, out, examples)
            failing = self._failing(out / "tests", variants) if program.examples or program.files else {}
        codes = {name: code for code, name in program.numbers.items()}
        return {one: _outer(one.site.name, names, codes) for one, names in failing.items()}

    def _linked(self, call: Invocation, out: Path, examples: Sequence[str]) -> OuterProgram:
        """What is in a test program that is left in `out`: all but the examples and files that do not compile."""
        program = OuterProgram(self._crate.sources, tuple(examples), usable_files(self._crate.sources, call))
        while program.examples or program.files:
            result = program.link(self._compiler, call, out)
            if result.ok:
                return program
            smaller = program.without_errors(result, call)
            program = smaller if smaller != program else self._sound(program, call, out)
        return program

    def _sound(self, program: OuterProgram, call: Invocation, out: Path) -> OuterProgram:
        """Of a program whose errors point to none of its parts, what compiles by itself."""
        parts = program.parts()
        sound = program.only([one for one in parts if len(parts) > 1 and one.link(self._compiler, call, out).ok])
        return sound if sound != program else program.only([])

    def _failing(self, tests: Path, variants: Variants) -> Covering:
        """Of each function, the tests that fail where it panics and pass where none does, by their time in order."""
        whole = self._runner.run(tests, cpu=SUITE_SECONDS, seconds=2 * SUITE_SECONDS, variant=variants.none, timed=True)
        names = _quick(whole)
        if not names:
            return {}
        spent = sum(whole.seconds.get(name, 0.0) for name in names)
        seconds = max(self._limits.run_seconds, PATIENCE * spent)

        def failed(one: Insertion) -> frozenset[str]:
            return self._runner.run(
                tests, names, cpu=SUITE_SECONDS, seconds=seconds, variant=variants.choosing(one)
            ).failed

        group = variants.insertions
        most = self._limits.cpu_seconds / 2
        return {
            one: _affordable(named_first(one.site.name, some.intersection(names)), whole.seconds, most)
            for one, some in zip(group, self._runs.map(failed, group), strict=True)
        }


def _quick(run: CrateTestRun) -> list[str]:
    """The names of tests that pass, the quickest first, as many as are run for each function."""
    ordered = sorted(run.passed, key=lambda name: (run.seconds.get(name, 0.0), name))
    total = accumulate(run.seconds.get(name, 0.0) for name in ordered)
    return [name for name, seconds in zip(ordered, total, strict=True) if seconds <= QUICK_SECONDS]


def _affordable(names: Sequence[str], seconds: Mapping[str, float], most: float) -> tuple[str, ...]:
    """The first of the tests that take `most` seconds together, one of them at least."""
    total = accumulate(seconds.get(name, 0.0) for name in names)
    chosen = [name for name, used in zip(names, total, strict=True) if used <= most]
    return tuple(chosen or names[:1])[:MOST_TESTS]


def _outer(name: str, tests: Sequence[str], codes: Mapping[str, str]) -> Outer:
    """The doc-tests and the integration tests among these; doc-tests that name the function before others."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    examples = sorted((codes[test] for test in tests if test in codes), key=lambda code: not word.search(code))
    return tuple(examples[:MOST]), tuple(test for test in tests if test not in codes)
