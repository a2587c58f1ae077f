"""Which sites of a crate can be judged, and by which tests.

A site is judgeable if the compiler reads it (an error put there is reported) and the reference compiles there, inserted
as a candidate would be. A test covers a site if it passes with the reference and fails when the site panics. A site
whose reference is itself a test has a test only if that test also fails when the function that it tests panics.
"""

import hashlib
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from rustml.covering_tests import CoveringTests
from rustml.io import write_bytes
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.invocation import Invocation, outer_call
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.reading import sites_read
from rustml.judge.in_crate.recompile import SOURCE, Compiled, Recompiler
from rustml.judge.in_crate.sites import InsertionSite, first_insertable
from rustml.judge.in_crate.test_runner import CrateTestRun, CrateTestRunner
from rustml.records import Record
from rustml.rust.doctests import naming, program

REVISION = 3
"""Of the answers kept in the cache; a change makes every crate be scanned again."""
MOST_TESTS = 24
"""Tests of one site at most, those that name its function first."""
TIMED_OUT = "reference_timed_out"
"""Fault of a site whose reference took longer to compile than the limit allows."""
WHOLE_SECONDS = 60.0
"""Processor time of all unit tests of a crate together."""


class Eligibility(Record, frozen=True):
    """What one site can be judged by."""

    fault: str = ""
    """Why it cannot be judged at all, as a short name; empty for a judgeable site."""
    call: int = -1
    """Number of the compiler call that compiles it."""
    test_call: int = -1
    """Number of the call that makes the test program with it; -1 for none."""
    tests: tuple[str, ...] = ()
    """Unit tests that cover it."""
    examples: tuple[str, ...] = ()
    """Doc-tests of the crate that name its function and cover it."""
    integration: tuple[str, ...] = ()
    """Tests of the crate's folder `tests/` that cover it."""
    excused: tuple[str, ...] = ()
    """Policy lints that the reference raises itself."""

    @classmethod
    def of(cls, covering: CoveringTests, call: int, test_call: int) -> "Eligibility":
        """That of a function whose tests are known, by the calls that make its crate and the crate's test program."""
        named = {name: getattr(covering, name) for name in covering.__struct_fields__}
        return cls(call=call, test_call=test_call, **named)

    @property
    def covering(self) -> CoveringTests:
        """What judges it, without the numbers of calls, which another build of the crate changes."""
        named = {name: getattr(self, name) for name in CoveringTests.__struct_fields__}
        return CoveringTests(**named)

    @property
    def testable(self) -> bool:
        """Whether any test covers it."""
        return bool(self.tests or self.examples or self.integration)


def scan_eligibility(
    sites: Sequence[InsertionSite], crate: PreparedCrate, sandbox: CrateSandbox
) -> dict[str, Eligibility]:
    """The eligibility of sites of one crate, by site id. The answer is kept beside the crate and reused, unless a
    compilation met its time limit: on another day it may not.

    Raises JudgeFault where the sandbox fails.
    """
    settings = [REVISION, msgspec.to_builtins(list(sites)), vars(sandbox.limits)]
    key = hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]
    path = crate.folder / f"eligibility-{key}.json"
    if not path.is_file():
        with ExitStack() as folders:
            scan = _Scan(crate, sandbox, folders)
            found = scan.eligibility(sites)
        if scan.expired:
            return found
        write_bytes(path, msgspec.json.encode(found))
    return msgspec.json.decode(path.read_bytes(), type=dict[str, Eligibility])


class _Scan:
    """Tries the sites of one crate. The crate as it stands, which has every reference, is compiled once per goal."""

    def __init__(self, crate: PreparedCrate, sandbox: CrateSandbox, folders: ExitStack) -> None:
        self._crate, self._folders = crate, folders
        self._limits = sandbox.limits
        self._compiler = Recompiler(sandbox, crate)
        self._runner = CrateTestRunner(sandbox, crate)
        self._calls = crate.built.invocations
        self._checks: dict[int, Compiled] = {}
        self._libraries: dict[tuple[str, ...], Path | None] = {}
        """Of the crate as it stands, by the call's arguments; None where there is none."""

    @property
    def expired(self) -> bool:
        """Whether a compilation met its time limit."""
        return self._compiler.expired

    def eligibility(self, sites: Sequence[InsertionSite]) -> dict[str, Eligibility]:
        if self._crate.built.fault:
            return {site.id: Eligibility(fault="crate_does_not_build") for site in sites}
        calls = self._reading_calls(sites)
        by_site = {site.id: self._with_reference(site, calls.get(site.id, -1)) for site in sites}
        test_calls = [number for number, call in enumerate(self._calls) if call.test]
        for number in test_calls:
            covered = [
                site for site in sites if not by_site[site.id].fault and self._belongs(by_site[site.id].call, number)
            ]
            by_site |= self._with_tests(covered, by_site, number)
        return {site.id: self._with_examples(site, by_site[site.id]) for site in sites}

    def _belongs(self, call: int, test: int) -> bool:
        """Whether a test program is made of the crate that the call compiles."""
        return call == test or (not self._calls[call].test and self._calls[call].crate == self._calls[test].crate)

    def _reading_calls(self, sites: Sequence[InsertionSite]) -> dict[str, int]:
        """The first call that reads each site, calls for library and programs before those for tests."""
        calls: dict[str, int] = {}
        order = sorted(range(len(self._calls)), key=lambda number: self._calls[number].test)
        for number in order:
            unread = [site for site in sites if site.id not in calls]
            if unread:
                calls |= dict.fromkeys(sites_read(self._compiler, self._calls[number], unread), number)
        return calls

    def _with_reference(self, site: InsertionSite, call: int) -> Eligibility:
        """The eligibility as far as compiling the reference decides it."""
        if call < 0:
            return Eligibility(fault="not_compiled_here")
        function, refusal = first_insertable(site, [site.reference])
        if refusal:
            return Eligibility(fault="reference_does_not_parse")
        compilation = self._checked(site, function, call)
        if not compilation.ok:
            return Eligibility(fault=TIMED_OUT if compilation.expired else "reference_does_not_compile")
        codes = {message.code for message in compilation.messages if message.inside(site.path, site.start, site.end)}
        return Eligibility(call=call, excused=tuple(sorted(code for code in codes if "disallowed" in code)))

    def _checked(self, site: InsertionSite, function: str, call: int) -> Compiled:
        as_it_stands = function == site.reference
        if as_it_stands and call in self._checks:
            return self._checks[call]
        files = {} if as_it_stands else {site.path: site.file(function)}
        with self._compiler.folder() as out:
            compilation = self._compiler.compile(self._calls[call], files, "check", out)
        if as_it_stands:
            self._checks[call] = compilation
        return compilation

    def _with_tests(
        self, sites: Sequence[InsertionSite], by_site: Mapping[str, Eligibility], number: int
    ) -> dict[str, Eligibility]:
        """The eligibility of each site with the unit tests of one test program that cover it."""
        if not sites:
            return {}
        with self._compiler.folder() as out:
            if not self._compiler.compile(self._calls[number], {}, "test", out).ok:
                return {}
            baseline = self._run(out, ())
            if not baseline.passed:
                return {}
            return {site.id: self._covered(site, by_site[site.id], baseline, number, out) for site in sites}

    def _covered(
        self, site: InsertionSite, eligibility: Eligibility, baseline: CrateTestRun, number: int, out: Path
    ) -> Eligibility:
        """`out` has the test program of the crate as it stands."""
        panicking = [self._panicking(site, file, number) for file in _panicking_files(site)]
        failures = [run.failed for run in panicking if run is not None]
        if not panicking or len(failures) < len(panicking):
            return eligibility
        covering = named_first(site.name, baseline.passed.intersection(*failures))[:MOST_TESTS]
        if not covering or self._run(out, covering).status(covering) != "passed":
            return eligibility
        return msgspec.structs.replace(eligibility, tests=covering, test_call=number)

    def _panicking(self, site: InsertionSite, file: bytes, number: int) -> CrateTestRun | None:
        """All tests with a file in which the site panics; None where it does not compile."""
        with self._compiler.folder() as out:
            if not self._compiler.compile(self._calls[number], {site.path: file}, "test", out).ok:
                return None
            return self._run(out, ())

    def _run(self, out: Path, tests: Sequence[str]) -> CrateTestRun:
        """Run tests of the program in `out`, all of them where none is named."""
        limits = self._limits
        cpu, seconds = (limits.cpu_seconds, limits.run_seconds) if tests else (WHOLE_SECONDS, 2 * WHOLE_SECONDS)
        return self._runner.run(out / "tests", tests, cpu=cpu, seconds=seconds)

    def _with_examples(self, site: InsertionSite, eligibility: Eligibility) -> Eligibility:
        if eligibility.fault or not self._calls[eligibility.call].is_library:
            return eligibility
        codes = self._examples(site)
        if not codes:
            return eligibility
        call = outer_call(self._calls, eligibility.call, eligibility.test_call)
        out = self._library(call)
        passing = [code for code in codes if out and self._example_passes(code, call, out)]
        return msgspec.structs.replace(eligibility, examples=tuple(self._examples_failing(passing, site, call)))

    def _library(self, call: Invocation) -> Path | None:
        """A folder with the library that a call makes of the crate as it stands; None where it makes none."""
        if call.arguments not in self._libraries:
            out = self._folders.enter_context(self._compiler.folder())
            made = self._compiler.compile(call, {}, "library", out).ok
            self._libraries[call.arguments] = out if made else None
        return self._libraries[call.arguments]

    def _examples_failing(self, codes: Sequence[str], site: InsertionSite, call: Invocation) -> list[str]:
        """The doc-tests that fail where the site panics, each compiled by itself against the crate; else none."""
        if not codes:
            return []
        with self._compiler.folder() as out:
            file = site.file_with_entry(panic())
            made = self._compiler.compile(call, {site.path: file}, "library", out).ok
            return [code for code in codes if not (made and self._example_passes(code, call, out))]

    def _example_passes(self, code: str, call: Invocation, out: Path) -> bool:
        (out / SOURCE).write_text(program([(0, code)], call.crate))
        if not self._compiler.link(call, out).ok:
            return False
        run = self._runner.run(out / "tests", cpu=self._limits.cpu_seconds, seconds=self._limits.run_seconds)
        return run.status(["example_0"]) == "passed"

    def _examples(self, site: InsertionSite) -> list[str]:
        """Doc-tests that name the function: of its own documentation, then of its file, then of other files."""
        file = self._crate.sources / site.path
        above = (Path(site.folder) / site.path).read_bytes()[: site.start].decode().splitlines()
        first = len(above)
        while first and re.match(r"\s*(///|#\[|\*|/\*\*|$)", above[first - 1]):
            first -= 1
        paths = sorted((self._crate.sources / "src").rglob("*.rs"), key=lambda path: (path != file, path))
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in paths)
        return naming(site.name, ["\n".join(above[first:]), *texts])


def named_first(name: str, tests: Iterable[str]) -> tuple[str, ...]:
    """Tests in order, those that name a function before others."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    return tuple(sorted(tests, key=lambda test: (not word.search(test), test)))


def panic() -> str:
    """A statement that ends a function, with words that no candidate can foresee."""
    return f'panic!("{secrets.token_hex(12)}");'


def _panicking_files(site: InsertionSite) -> list[bytes]:
    """The files with which a test that covers the site fails; none where the function under test is not known."""
    alone = site.file_with_entry(panic())
    if not site.writes_test:
        return [alone]
    return [alone, site.file(site.reference, entry=panic())] if site.tested >= 0 else []
