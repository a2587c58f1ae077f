"""Which drafts become problems: the judge passes the reference, and refuses everything that is not an answer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from rustml.errors import JudgeFault
from rustml.judge.judging import Judging
from rustml.mining.drafts import ProblemDraft
from rustml.mining.variants import Body
from rustml.profile.mine import MineSection
from rustml.records import Problem, Verdict, candidate_of
from rustml.sharding import Funnel

STEPS = ("reference", "todo", "trivial", "mutants")


@dataclass(frozen=True)
class _Attempt:
    """A draft with the tests that its reference passes so far."""

    draft: ProblemDraft
    problem: Problem


def verified(drafts: Sequence[ProblemDraft], judge: Judging, section: MineSection, funnel: Funnel) -> Iterator[Problem]:
    """The problems of the drafts that pass all steps, with their strength; the others are counted by their reason.

    Tests that the reference does not pass are left out, each tried by itself. Raises JudgeFault where the judge fails.
    """
    attempts = [*_passing(drafts, judge, funnel)]
    covered = _refusing(attempts, [[Body(one.problem.reference).with_block("{ todo!() }")] for one in attempts], judge)
    attempts = _kept("todo", "passes_todo", attempts, covered, funnel)
    trivial = [list(dict.fromkeys(Body(one.problem.reference).trivial())) for one in attempts]
    attempts = _kept("trivial", "passes_trivial", attempts, _refusing(attempts, trivial, judge), funnel)
    yield from _strong(attempts, judge, section, funnel)


def _passing(drafts: Sequence[ProblemDraft], judge: Judging, funnel: Funnel) -> Iterator[_Attempt]:
    """The drafts with the tests that their references pass."""
    whole = [draft.with_tests(range(len(draft.tests))) for draft in drafts]
    verdicts = _verdicts([(problem, problem.reference) for problem in whole], judge)
    failing = [draft for draft, verdict in zip(drafts, verdicts, strict=True) if verdict.status != "passed"]
    tests = iter(_single_tests(failing, judge))
    smaller = {draft.problem.id: next(tests) for draft in failing}
    again = [(draft, draft.with_tests(smaller[draft.problem.id])) for draft in failing if smaller[draft.problem.id]]
    second = iter(_verdicts([(problem, problem.reference) for _, problem in again], judge))
    by_id = {problem.id: (problem, next(second)) for _, problem in again}
    for draft, problem, first in zip(drafts, whole, verdicts, strict=True):
        chosen, verdict = by_id.get(problem.id, (problem, first))
        if verdict.status == "passed":
            funnel.keep("reference")
            yield _Attempt(draft, chosen)
        else:
            funnel.drop("reference", verdict.status, _reason(problem, verdict))


def _single_tests(drafts: Sequence[ProblemDraft], judge: Judging) -> Iterator[list[int]]:
    """Numbers of the tests of each draft that its reference passes, of several tests each by itself."""
    tried = [(draft, number) for draft in drafts if len(draft.tests) > 1 for number in range(len(draft.tests))]
    problems = [draft.with_tests([number]) for draft, number in tried]
    verdicts = _verdicts([(problem, problem.reference) for problem in problems], judge)
    passed: dict[str, list[int]] = {}
    for (draft, number), verdict in zip(tried, verdicts, strict=True):
        if verdict.status == "passed":
            passed.setdefault(draft.problem.id, []).append(number)
    return (passed.get(draft.problem.id, []) for draft in drafts)


def _refusing(attempts: Sequence[_Attempt], codes: Sequence[Sequence[str]], judge: Judging) -> list[bool]:
    """Whether the tests of each refuse all of its codes."""
    pairs = [(one.problem, code) for one, variants in zip(attempts, codes, strict=True) for code in variants]
    passing = {
        problem.id
        for (problem, _), verdict in zip(pairs, _verdicts(pairs, judge), strict=True)
        if verdict.status == "passed"
    }
    return [one.problem.id not in passing for one in attempts]


def _kept(
    step: str, reason: str, attempts: Sequence[_Attempt], refused: Sequence[bool], funnel: Funnel
) -> list[_Attempt]:
    for one, is_refused in zip(attempts, refused, strict=True):
        if is_refused:
            funnel.keep(step)
        else:
            funnel.drop(step, reason, one.problem.id)
    return [one for one, is_refused in zip(attempts, refused, strict=True) if is_refused]


def _strong(attempts: Sequence[_Attempt], judge: Judging, section: MineSection, funnel: Funnel) -> Iterator[Problem]:
    """The problems whose tests refuse enough mutants, strength and the number of mutants among their tags."""
    pairs = [
        (one.problem, mutant) for one in attempts for mutant in Body(one.problem.reference).mutants(section.mutants)
    ]
    outcomes: dict[str, list[bool]] = {}
    for (problem, _), verdict in zip(pairs, _verdicts(pairs, judge), strict=True):
        if verdict.compiles:
            outcomes.setdefault(problem.id, []).append(verdict.status != "passed")
    for problem in (one.problem for one in attempts):
        killed = outcomes.get(problem.id, [])
        strength = sum(killed) / len(killed) if killed else 0.0
        if not killed or strength < section.min_strength:
            funnel.drop("mutants", "weak" if killed else "no_mutant", problem.id)
            continue
        funnel.keep("mutants")
        tags = problem.tags | {"strength": f"{strength:.2f}", "mutants": str(len(killed))}
        yield msgspec.structs.replace(problem, tags=tags)


def _verdicts(pairs: Sequence[tuple[Problem, str]], judge: Judging) -> list[Verdict]:
    candidates = [candidate_of(problem, code, f"{problem.id}#{number}") for number, (problem, code) in enumerate(pairs)]
    verdicts = judge.judge(candidates)
    for verdict in verdicts:
        if verdict.status == "infrastructure" and "tests" not in verdict.detail:
            raise JudgeFault(f"the judge could not judge {verdict.id}: {verdict.detail}")
    return verdicts


def _reason(problem: Problem, verdict: Verdict) -> str:
    error = f"{verdict.errors[0].code} {verdict.errors[0].message}" if verdict.errors else verdict.detail
    return f"{problem.id}: {error}"
