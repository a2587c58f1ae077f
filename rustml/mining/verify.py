"""Which drafts become problems: the judge passes the reference, and refuses everything that is not an answer."""

from collections.abc import Iterator, Mapping, Sequence
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
    todo = _tried(attempts, [[Body(one.problem.reference).with_block("{ todo!() }")] for one in attempts], judge)
    attempts = _refusing("todo", attempts, todo, funnel)
    trivial = _tried(attempts, [list(dict.fromkeys(Body(one.problem.reference).trivial())) for one in attempts], judge)
    attempts = _refusing("trivial", attempts, trivial, funnel)
    mutants = _tried(attempts, [Body(one.problem.reference).mutants(section.mutants) for one in attempts], judge)
    yield from _strong(attempts, {one.problem.id: _refused(one, trivial, mutants) for one in attempts}, section, funnel)


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


def _tried(attempts: Sequence[_Attempt], codes: Sequence[Sequence[str]], judge: Judging) -> dict[str, list[Verdict]]:
    """The verdicts on several codes of each, by id of the problem."""
    pairs = [(one.problem, code) for one, variants in zip(attempts, codes, strict=True) for code in variants]
    verdicts: dict[str, list[Verdict]] = {one.problem.id: [] for one in attempts}
    for (problem, _), verdict in zip(pairs, _verdicts(pairs, judge), strict=True):
        verdicts[problem.id].append(verdict)
    return verdicts


def _refusing(
    step: str, attempts: Sequence[_Attempt], verdicts: Mapping[str, Sequence[Verdict]], funnel: Funnel
) -> list[_Attempt]:
    """Those whose tests refuse all codes that were tried."""
    refusing: list[_Attempt] = []
    for one in attempts:
        if any(verdict.status == "passed" for verdict in verdicts[one.problem.id]):
            funnel.drop(step, f"passes_{step}", one.problem.id)
        else:
            funnel.keep(step)
            refusing.append(one)
    return refusing


def _refused(attempt: _Attempt, *tried: Mapping[str, Sequence[Verdict]]) -> list[bool]:
    """Whether each wrong variant that compiles is refused."""
    verdicts = [verdict for by_id in tried for verdict in by_id[attempt.problem.id]]
    return [verdict.status != "passed" for verdict in verdicts if verdict.compiles]


def _strong(
    attempts: Sequence[_Attempt], refused: Mapping[str, Sequence[bool]], section: MineSection, funnel: Funnel
) -> Iterator[Problem]:
    """The problems whose tests refuse enough wrong variants, strength and number of variants among their tags."""
    for problem in (one.problem for one in attempts):
        killed = refused[problem.id]
        strength = sum(killed) / len(killed) if killed else 0.0
        reason = too_weak(len(killed), strength, section)
        if reason:
            funnel.drop("mutants", reason, problem.id)
            continue
        funnel.keep("mutants")
        tags = problem.tags | {"strength": f"{strength:.2f}", "mutants": str(len(killed))}
        yield msgspec.structs.replace(problem, tags=tags)


def too_weak(tried: int, strength: float, section: MineSection) -> str:
    """Why tests that refuse this share of so many wrong variants are not enough; empty where they are."""
    if tried < section.min_variants:
        return "few_mutants" if tried else "no_mutant"
    return "weak" if strength < section.min_strength else ""


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
