"""What the places of a crate can be judged by: which are compiled here, and which tests notice them.

A place counts only when the compiler looks at it (an error put there is reported) and the reference, put there as a
candidate would be, compiles. A test is a place's test only when it passes with the reference and fails once the
function does nothing but panic. Where the reference is itself a test, its place has tests only when it also fails once
the function that it tests panics.
"""

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from rustml.judge.in_crate.crate_sandbox import Confinement
from rustml.judge.in_crate.prepared_crate import Invocation, Workshop
from rustml.judge.in_crate.recompile import Compiler
from rustml.judge.in_crate.sites import Site, fitted
from rustml.judge.in_crate.test_runner import Ran, Runner
from rustml.records import Record
from rustml.rust.doctests import naming, program

REVISION = 2
MOST_TESTS = 24
"""Tests of one place, those that name its function first."""
WHOLE_SECONDS = 60.0
"""Processor time of all unit tests of a crate together."""


class Standing(Record, frozen=True):
    """What one place can be judged by."""

    fault: str = ""
    """Why it cannot be judged at all; else empty."""
    call: int = -1
    """Number of the compiler call that compiles it."""
    test_call: int = -1
    """Number of the call that makes the test program with it; -1 for none."""
    tests: tuple[str, ...] = ()
    """Unit tests that notice it."""
    examples: tuple[str, ...] = ()
    """Examples of the crate's documentation that name its function and notice it."""
    excused: tuple[str, ...] = ()
    """Policy lints that the reference raises itself."""

    @property
    def testable(self) -> bool:
        """Whether any test notices it."""
        return bool(self.tests or self.examples)


class Survey:
    """Finds the standing of the sites of one crate."""

    def __init__(self, workshop: Workshop, confinement: Confinement) -> None:
        self._workshop, self._confinement = workshop, confinement
        self._compiler = Compiler(confinement, workshop)
        self._runner = Runner(confinement, workshop)
        self._calls = workshop.built.invocations

    def standings(self, sites: Sequence[Site]) -> dict[str, Standing]:
        """By site id. Kept beside the crate: the same question is answered once."""
        settings = [REVISION, msgspec.to_builtins(list(sites)), vars(self._confinement.limits)]
        key = hashlib.sha256(msgspec.json.encode(settings)).hexdigest()[:16]
        path = self._workshop.folder / f"survey-{key}.json"
        if not path.is_file():
            partial = path.with_name(f"{path.name}.partial")
            partial.write_bytes(msgspec.json.encode(self._find(sites)))
            partial.replace(path)
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Standing])

    def _find(self, sites: Sequence[Site]) -> dict[str, Standing]:
        if self._workshop.built.fault:
            return {site.id: Standing(fault="crate_does_not_build") for site in sites}
        live = self._live(sites)
        found = {site.id: self._reference(site, live.get(site.id, -1)) for site in sites}
        program_calls = [number for number, call in enumerate(self._calls) if call.test]
        for number in program_calls:
            of_call = [
                site for site in sites if not found[site.id].fault and self._belongs(found[site.id].call, number)
            ]
            found |= self._with_tests(of_call, found, number)
        return {site.id: self._with_examples(site, found[site.id]) for site in sites}

    def _belongs(self, call: int, test: int) -> bool:
        """Whether a test program is made of the same crate."""
        return call == test or (not self._calls[call].test and self._calls[call].crate == self._calls[test].crate)

    def _live(self, sites: Sequence[Site]) -> dict[str, int]:
        """The first call that looks at a site: it stumbles over an error put there. Library and programs go first."""
        found: dict[str, int] = {}
        order = sorted(range(len(self._calls)), key=lambda number: self._calls[number].test)
        for number in order:
            waiting = [site for site in sites if site.id not in found]
            if waiting:
                found |= dict.fromkeys(self._stumbles(waiting, self._calls[number]), number)
        return found

    def _stumbles(self, sites: Sequence[Site], call: Invocation) -> list[str]:
        marks = {site.id: secrets.token_hex(12) for site in sites}
        files = {path: self._marked([s for s in sites if s.path == path], marks) for path in {s.path for s in sites}}
        with self._compiler.folder() as out:
            done = self._compiler.compile(call, files, "check", out)
        said = {note.text for note in done.notes if note.level == "error"}
        return [site.id for site in sites if marks[site.id] in said]

    def _marked(self, sites: Sequence[Site], marks: Mapping[str, str]) -> bytes:
        """One file with an error of its own in each of the sites; several pairs may share a function."""
        source = (Path(sites[0].folder) / sites[0].path).read_bytes()
        for body in sorted({site.body for site in sites}, reverse=True):
            words = "".join(f'compile_error!("{marks[site.id]}");' for site in sites if site.body == body)
            source = source[: body + 1] + words.encode() + source[body + 1 :]
        return source

    def _reference(self, site: Site, call: int) -> Standing:
        if call < 0:
            return Standing(fault="not_compiled_here")
        function, refusal = fitted(site, [site.reference])
        if refusal:
            return Standing(fault="reference_does_not_parse")
        with self._compiler.folder() as out:
            done = self._compiler.compile(self._calls[call], {site.path: site.file(function)}, "check", out)
        if not done.ok:
            return Standing(fault="reference_does_not_compile")
        policy = {note.code for note in done.notes if note.inside(site.path, site.start, site.end)}
        return Standing(call=call, excused=tuple(sorted(code for code in policy if "disallowed" in code)))

    def _with_tests(self, sites: Sequence[Site], found: Mapping[str, Standing], number: int) -> dict[str, Standing]:
        """Standings with the unit tests that notice each site."""
        if not sites:
            return {}
        whole = self._tested({}, number, ())
        if whole is None or not whole.passed:
            return {}
        return {site.id: self._noticed(site, found[site.id], whole, number) for site in sites}

    def _noticed(self, site: Site, standing: Standing, whole: Ran, number: int) -> Standing:
        silent = [self._tested({site.path: file}, number, ()) for file in _silenced(site)]
        failed = [ran.failed for ran in silent if ran is not None]
        if not silent or len(failed) < len(silent):
            return standing
        names = re.compile(rf"\b{re.escape(site.name)}\b")
        unhappy = whole.passed.intersection(*failed)
        noticing = sorted(unhappy, key=lambda test: (not names.search(test), test))[:MOST_TESTS]
        again = self._tested({site.path: site.file(site.reference)}, number, noticing) if noticing else None
        if again is None or again.status(noticing) != "passed":
            return standing
        return msgspec.structs.replace(standing, tests=tuple(noticing), test_call=number)

    def _tested(self, files: Mapping[str, bytes], number: int, tests: Sequence[str]) -> Ran | None:
        """Compile the test program and run tests of it, all of them where none is named; None without a program."""
        limits = self._confinement.limits
        cpu, seconds = (limits.cpu_seconds, limits.run_seconds) if tests else (WHOLE_SECONDS, 2 * WHOLE_SECONDS)
        with self._compiler.folder() as out:
            if not self._compiler.compile(self._calls[number], files, "test", out).ok:
                return None
            return self._runner.run(out / "tests", tests, cpu=cpu, seconds=seconds)

    def _with_examples(self, site: Site, standing: Standing) -> Standing:
        if standing.fault or not self._calls[standing.call].is_library:
            return standing
        codes = self._named(site)
        if not codes:
            return standing
        right = self._examined(site, site.file(site.reference), standing, codes)
        panics = self._examined(site, site.file_with_entry(panic()), standing, codes)
        noticing = [code for code, good, bad in zip(codes, right, panics, strict=True) if good and not bad]
        return msgspec.structs.replace(standing, examples=tuple(noticing))

    def _examined(self, site: Site, file: bytes, standing: Standing, codes: Sequence[str]) -> list[bool]:
        """Whether each example, compiled by itself, passes."""
        call = self._calls[standing.call]
        with self._compiler.folder() as out:
            if not self._compiler.compile(call, {site.path: file}, "library", out).ok:
                return [False] * len(codes)
            return [self._example(code, call, out) for code in codes]

    def _example(self, code: str, call: Invocation, out: Path) -> bool:
        source = out / "examples.rs"
        source.write_text(program([(0, code)], call.crate))
        if not self._compiler.link(source, call, out).ok:
            return False
        limits = self._confinement.limits
        ran = self._runner.run(out / "tests", cpu=limits.cpu_seconds, seconds=limits.run_seconds)
        return ran.status(["example_0"]) == "passed"

    def _named(self, site: Site) -> list[str]:
        """Examples that name the function: those of its own documentation, then those of its file, then the others."""
        own = self._workshop.crate / site.path
        above = (Path(site.folder) / site.path).read_bytes()[: site.start].decode().splitlines()
        taken = len(above)
        while taken and re.match(r"\s*(///|#\[|\*|/\*\*|$)", above[taken - 1]):
            taken -= 1
        others = sorted((self._workshop.crate / "src").rglob("*.rs"), key=lambda path: (path != own, path))
        texts = (path.read_text(encoding="utf-8", errors="replace") for path in others)
        return naming(site.name, ["\n".join(above[taken:]), *texts])


def panic() -> str:
    """A statement that ends a function; no candidate knows its words."""
    return f'panic!("{secrets.token_hex(12)}");'


def _silenced(site: Site) -> list[bytes]:
    """The files in which a test of the place must fail; none where what a test is of is not known."""
    alone = site.file_with_entry(panic())
    if not site.writes_test:
        return [alone]
    return [alone, site.file(site.reference, entry=panic())] if site.tested >= 0 else []
