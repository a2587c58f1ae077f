"""Which tests cover each of many functions of a crate's library, found by failing on purpose in few programs.

A program holds every function twice: as it stands, and with a body that panics, one chosen when it starts
(`variants.py`). A test covers a function if it passes where none panics and fails where that one does. `eligibility.py`
builds a program per function instead: it answers for sites that share no build as well.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from itertools import accumulate, pairwise
from pathlib import Path

import msgspec

from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import MOST_TESTS, Eligibility, named_first, panic
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite
from rustml.judge.in_crate.prepared_crate import Invocation, PreparedCrate
from rustml.judge.in_crate.programs import in_parts
from rustml.judge.in_crate.reading import sites_read
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sites import InsertionSite
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.judge.in_crate.variants import Variants
from rustml.records import Candidate
from rustml.rust.doctests import program

SUITE_SECONDS = 20.0
"""Processor time of all unit tests together; those of a crate that needs more cover nothing."""
PATIENCE = 4
"""Wall time of a run in which a function panics, as a multiple of that of the run in which none does."""
EXAMPLES = "examples.rs"
Covering = dict[Insertion, tuple[str, ...]]


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

    def eligibility(
        self, sites: Sequence[InsertionSite], examples: Mapping[str, Sequence[str]]
    ) -> dict[str, Eligibility]:
        """What judges each site, by its id; `examples` has the doc-tests that may cover it, also by id.

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
        tests = in_parts(panicking, self._unit_tests) if test >= 0 else {}
        codes = in_parts(panicking, lambda group: self._examples(group, call, examples))
        found = {
            one.site.id: msgspec.structs.replace(
                one.eligibility, tests=tests.get(one, ()), examples=codes.get(one, ()), test_call=test
            )
            for one in panicking
        }
        lost = {site.id: Eligibility(fault="not_compiled_here") for site in sites if site.id not in read}
        uncompiled = {site: Eligibility(fault="reference_does_not_compile") for site in read if site not in fit}
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
            whole, wall = self._timed(out / "tests", variants)
            names = sorted(whole.passed)
            if whole.expired or not names:
                return {}
            run = self._fails(out / "tests", variants, wall)
            failures = self._runs.map(lambda one: run(one, names), group)
            return {
                one: named_first(one.site.name, failed & whole.passed)[:MOST_TESTS]
                for one, failed in zip(group, failures, strict=True)
            }

    def _examples(
        self, group: Sequence[Insertion], call: Invocation, examples: Mapping[str, Sequence[str]]
    ) -> Covering | None:
        """The doc-tests that cover each; None where the library does not compile."""
        wanted = {one: examples.get(one.site.id, ()) for one in group}
        codes = list(dict.fromkeys(code for some in wanted.values() for code in some))
        if not codes:
            return {}
        variants = Variants(group)
        with self._compiler.folder() as out:
            if not self._compiler.compile(call, variants.files(call.root), "library", out).ok:
                return None
            names = {code: f"example_{number}" for number, code in enumerate(self._linked(codes, call, out))}
            if not names:
                return {}
            whole, wall = self._timed(out / "tests", variants)
            run = self._fails(out / "tests", variants, wall)
            own = {one: [code for code in some if names.get(code) in whole.passed] for one, some in wanted.items()}
            due = [one for one, some in own.items() if some]
            failures = self._runs.map(lambda one: run(one, [names[code] for code in own[one]]), due)
            return {
                one: tuple(code for code in own[one] if names[code] in failed)
                for one, failed in zip(due, failures, strict=True)
            }

    def _linked(self, codes: list[str], call: Invocation, out: Path) -> list[str]:
        """The doc-tests of a test program that is left in `out`: all but those that do not compile."""
        while codes:
            (out / EXAMPLES).write_text(program(list(enumerate(codes)), call.crate))
            result = self._compiler.link(out / EXAMPLES, call, out)
            if result.ok:
                return codes
            spans = zip(codes, _spans(codes, call.crate), strict=True)
            sound = [code for code, (start, end) in spans if not result.errors(f"/o/{EXAMPLES}", start, end)]
            codes = sound if len(sound) < len(codes) else []
        return []

    def _timed(self, tests: Path, variants: Variants) -> tuple[CrateTestRun, float]:
        """All tests of a program in which no function panics, and the wall seconds that they took."""
        started = time.monotonic()
        run = self._runner.run(tests, cpu=SUITE_SECONDS, seconds=2 * SUITE_SECONDS, variant=variants.none)
        return run, time.monotonic() - started

    def _fails(
        self, tests: Path, variants: Variants, wall: float
    ) -> Callable[[Insertion, Sequence[str]], frozenset[str]]:
        """What runs tests of a program in which one function panics, and returns those that fail."""
        seconds = max(self._limits.run_seconds, PATIENCE * wall)

        def run(one: Insertion, names: Sequence[str]) -> frozenset[str]:
            variant = variants.choosing(one)
            return self._runner.run(tests, names, cpu=SUITE_SECONDS, seconds=seconds, variant=variant).failed

        return run


def _spans(codes: Sequence[str], crate: str) -> list[tuple[int, int]]:
    """Byte offsets of each doc-test in the program of all."""
    head = len(program([], crate).encode())
    lengths = [len(program([(number, code)], crate).encode()) - head for number, code in enumerate(codes)]
    ends = list(accumulate(lengths, initial=head))
    return list(pairwise(ends))
