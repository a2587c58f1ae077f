"""Which drafts of a crate become problems: its tests pass the reference there, and refuse everything else.

All functions of a crate share few builds. A function whose reference could not share them is dropped: every answer
would need builds of its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import msgspec

from rustml.judge.in_crate.coverage import CoverageScan
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.insertion import Insertion, JudgeableSite
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.sharing import why_alone, why_own_program
from rustml.judge.in_crate.sites import InsertionSite, SiteNotFound, insertable_function, locate_function
from rustml.judge.in_crate.together import judge_together
from rustml.mining.variants import Body
from rustml.mining.verify import too_weak
from rustml.profile.mine import MineSection
from rustml.records import Candidate, Problem
from rustml.rust.doctests import examples
from rustml.sharding import Funnel

SITE, COVERED, REFERENCE, TRIVIAL, MUTANTS = (
    f"in_crate.{step}" for step in ("site", "covered", "reference", "trivial", "mutants")
)
STEPS = (SITE, COVERED, REFERENCE, TRIVIAL, MUTANTS)
"""Steps of the funnel."""
ENDED = frozenset({"run_timeout", "crashed", "out_of_memory", "incomplete", "policy"})
"""Ways not to pass besides a test that fails: the candidate compiled, and is refused."""
UNDECIDED = "undecided"
MOST_DOC_TESTS = 512
"""Doc-tests of one crate that are compiled, in the order of its files."""
Draft = tuple[Problem, JudgeableSite]


@dataclass(frozen=True)
class _Codes:
    """What is judged for one draft."""

    reference: str
    trivial: tuple[str, ...]
    mutants: tuple[str, ...]

    @classmethod
    def of(cls, problem: Problem, section: MineSection) -> "_Codes":
        body = Body(problem.reference)
        return cls(problem.reference, tuple(dict.fromkeys(body.trivial())), tuple(body.mutants(section.mutants)))

    @property
    def all(self) -> list[str]:
        return [self.reference, *self.trivial, *self.mutants]


class CrateVerifier:
    """Verifies the drafts of one crate that is built."""

    def __init__(
        self, crate: PreparedCrate, vendor: Path, sandbox: CrateSandbox, section: MineSection, funnel: Funnel
    ) -> None:
        self._crate, self._vendor, self._sandbox = crate, vendor, sandbox
        self._section, self._funnel = section, funnel

    def problems(self, drafts: Sequence[Problem], folder: Path, runs: Executor) -> list[Problem]:
        """The problems with the tests that cover them and their strength; what is dropped is counted by its reason.

        `folder` is the crate's source, `runs` runs tests. Raises JudgeFault where the sandbox fails.
        """
        placed = self._covered([*self._sites(drafts, folder)], runs)
        codes = {problem.id: _Codes.of(problem, self._section) for problem, _ in placed}
        outcomes = self._outcomes(placed, {name: some.all for name, some in codes.items()}, runs)
        sound = [*self._sound(placed, outcomes, codes)]
        return [*self._strong(sound, {problem.id: outcomes[problem.id][1:] for problem, _ in sound})]

    def _sites(self, drafts: Sequence[Problem], folder: Path) -> Iterator[tuple[Problem, InsertionSite]]:
        """The drafts whose functions stand where they should and may share builds."""
        for draft in drafts:
            assert draft.origin is not None, "a draft is made from a file"
            try:
                site = locate_function(draft.id, draft.origin, draft.span, folder, self._vendor)
                place = JudgeableSite(site, Eligibility(), self._crate)
                reason = _why_not_shared(draft, place)
            except SiteNotFound as fault:
                reason = str(fault)
            if reason:
                self._funnel.drop(SITE, reason, draft.id)
                continue
            self._funnel.keep(SITE)
            yield draft, site

    def _covered(self, sites: Sequence[tuple[Problem, InsertionSite]], runs: Executor) -> list[Draft]:
        """The drafts that a test of the crate covers, with those tests."""
        if not sites:
            return []
        scan = CoverageScan(self._sandbox, self._crate, runs)
        eligible = scan.eligibility([site for _, site in sites], _doc_tests(self._crate))
        covered: list[Draft] = []
        for draft, site in sites:
            found = eligible[site.id]
            if found.testable:
                self._funnel.keep(COVERED)
                problem = msgspec.structs.replace(draft, covering=found.covering)
                covered.append((problem, JudgeableSite(site, found, self._crate)))
            else:
                self._funnel.drop(COVERED, found.fault or "no_test_fails", draft.id)
        return covered

    def _outcomes(
        self, drafts: Sequence[Draft], codes: Mapping[str, Sequence[str]], runs: Executor
    ) -> dict[str, list[str]]:
        """What becomes of each code of each draft: a status of a verdict, or `undecided`."""
        made = {problem.id: [_insertion(place, code) for code in codes[problem.id]] for problem, place in drafts}
        asked = [one for some in made.values() for one in some if one is not None]
        if not asked:
            return {name: [UNDECIDED] * len(some) for name, some in made.items()}
        shared = judge_together(self._sandbox, asked, runs)
        outcomes: dict[Insertion, str] = {one: verdict.status for one, verdict in shared.verdicts.items()}
        outcomes |= {one: left.reason for one, left in shared.left.items() if left.reason in ENDED}
        return {
            name: [UNDECIDED if one is None else outcomes.get(one, UNDECIDED) for one in some]
            for name, some in made.items()
        }

    def _sound(
        self, drafts: Sequence[Draft], outcomes: Mapping[str, Sequence[str]], codes: Mapping[str, "_Codes"]
    ) -> Iterator[Draft]:
        """Those whose reference passes, and none of their trivial bodies."""
        for draft in drafts:
            name = draft[0].id
            reference, *trivial = outcomes[name][: 1 + len(codes[name].trivial)]
            if reference != "passed":
                self._funnel.drop(REFERENCE, reference, name)
                continue
            self._funnel.keep(REFERENCE)
            reason = "passes_trivial" if "passed" in trivial else UNDECIDED if UNDECIDED in trivial else ""
            if reason:
                self._funnel.drop(TRIVIAL, reason, name)
                continue
            self._funnel.keep(TRIVIAL)
            yield draft

    def _strong(self, drafts: Sequence[Draft], wrong: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
        """The problems whose tests refuse enough of the wrong variants that compile."""
        for problem, _ in drafts:
            tried = [status for status in wrong[problem.id] if status not in ("compile_error", UNDECIDED)]
            refused = sum(status != "passed" for status in tried)
            strength = refused / len(tried) if tried else 0.0
            reason = too_weak(len(tried), strength, self._section)
            if reason:
                self._funnel.drop(MUTANTS, reason, problem.id)
                continue
            self._funnel.keep(MUTANTS)
            tags = problem.tags | {"strength": f"{strength:.2f}", "mutants": str(len(tried))}
            yield msgspec.structs.replace(problem, tags=tags)


def _why_not_shared(draft: Problem, place: JudgeableSite) -> str:
    """Why answers to a draft would need builds of their own; empty where they would not."""
    reference = _insertion(place, draft.reference)
    if reference is None:
        return "reference_does_not_parse"
    reason = why_alone(reference) or why_own_program(reference)
    return f"not_shared_{reason}" if reason else ""


def _insertion(place: JudgeableSite, code: str) -> Insertion | None:
    """A code in the place of its function; None for one that may not stand there."""
    function, refusal = insertable_function(place.site, code)
    candidate = Candidate(id=place.site.id, code=code, tests="", entry_point=place.site.name)
    return None if refusal else Insertion(candidate, place, function)


def _doc_tests(crate: PreparedCrate) -> list[str]:
    """The doc-tests of a crate's sources, each once."""
    files = sorted((crate.sources / "src").rglob("*.rs"))
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in files)
    return list(dict.fromkeys(code for text in texts for code in examples(text)))[:MOST_DOC_TESTS]
