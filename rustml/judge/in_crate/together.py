"""All candidates of one crate in few builds: checked beside their references (`siblings.py`) or in columns
(`columns.py`), tested as variants (`programs.py`).

What may not share a build, what makes one fail without being named, and what ends otherwise than passed or wrong is
left to be judged alone.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from rustml.judge.in_crate.alone import Codes
from rustml.judge.in_crate.columns import Columns
from rustml.judge.in_crate.crate_sandbox import CrateSandbox
from rustml.judge.in_crate.insertion import Insertion, Outcome, grouped, in_crate_verdict
from rustml.judge.in_crate.programs import Outcomes, Programs
from rustml.judge.in_crate.recompile import Recompiler
from rustml.judge.in_crate.sharing import why_alone, why_own_program
from rustml.judge.in_crate.siblings import Siblings
from rustml.judge.in_crate.test_runner import CrateTestRunner
from rustml.records import Verdict

NO_PROGRAM: Outcome = ("infrastructure", 0)
"""Of what no program with others can test."""


@dataclass(frozen=True)
class Left:
    """Why a candidate is left to be judged alone, and its lints where it has been compiled in its place."""

    reason: str
    codes: Codes | None = None


@dataclass
class Shared:
    """What company came to: each insertion is in one of both."""

    verdicts: dict[Insertion, Verdict] = field(default_factory=dict)
    left: dict[Insertion, Left] = field(default_factory=dict)


def judge_together(sandbox: CrateSandbox, insertions: Sequence[Insertion], runs: Executor) -> Shared:
    """Judge insertions into one crate; `runs` runs tests. Raises JudgeFault where the sandbox fails."""
    crate, shared = insertions[0].place.crate, Shared()
    compiler = Recompiler(sandbox, crate)
    codes = _accepted(_checked(compiler, _sharing_checks(insertions, shared), shared), shared)
    programs = Programs(sandbox, compiler, CrateTestRunner(sandbox, crate), runs)
    outcomes = _tested(programs, _sharing_programs(codes, shared))
    for one, outcome in outcomes.items():
        if outcome[0] in ("passed", "wrong"):
            shared.verdicts[one] = one.compiled(codes[one], *outcome)
        else:
            shared.left[one] = Left("no_program" if outcome is NO_PROGRAM else outcome[0], codes[one])
    return shared


def _sharing_checks(insertions: Sequence[Insertion], shared: Shared) -> list[Insertion]:
    reasons = {one: why_alone(one) for one in insertions}
    shared.left |= {one: Left(reason) for one, reason in reasons.items() if reason}
    return [one for one, reason in reasons.items() if not reason]


def _sharing_programs(codes: Mapping[Insertion, Codes], shared: Shared) -> list[Insertion]:
    """Those that compile and may stand in one program with others; without tests they need none."""
    reasons = {one: why_own_program(one) if one.eligibility.testable else "" for one in codes}
    shared.left |= {one: Left(reason, codes[one]) for one, reason in reasons.items() if reason}
    return [one for one, reason in reasons.items() if not reason]


def _checked(compiler: Recompiler, insertions: Sequence[Insertion], shared: Shared) -> dict[Insertion, Codes]:
    """The lints of those that compile; the others have their verdict, or are left."""
    codes: dict[Insertion, Codes] = {}
    for group in grouped(insertions, lambda one: one.eligibility.call):
        siblings, columns = Siblings(compiler), Columns(compiler)
        siblings.check(group)
        columns.check(siblings.undecided)
        codes |= siblings.codes | columns.codes
        for one, errors in (siblings.errors | columns.errors).items():
            shared.verdicts[one] = in_crate_verdict(one.candidate, one.sandbox, "compile_error", errors=errors)
        shared.left |= {one: Left("unclear") for one in columns.undecided}
    return codes


def _accepted(codes: Mapping[Insertion, Codes], shared: Shared) -> dict[Insertion, Codes]:
    """Those that no policy refuses; the others have their verdict."""
    refused = {one: verdict for one, lints in codes.items() if (verdict := one.refused(lints)) is not None}
    shared.verdicts |= refused
    return {one: lints for one, lints in codes.items() if one not in refused}


def _tested(programs: Programs, insertions: Sequence[Insertion]) -> Outcomes:
    """The outcome of each; without tests, to compile is to pass."""
    outcomes: Outcomes = dict.fromkeys(insertions, ("passed", 0))
    steps = (
        (programs.unit_tests, [one for one in insertions if one.eligibility.tests]),
        (programs.outer_tests, [one for one in insertions if one.eligibility.examples or one.eligibility.integration]),
    )
    for test, group in steps:
        due = [one for one in group if outcomes[one][0] == "passed"]
        results = test(due)
        outcomes |= {one: _added(outcomes[one], results.get(one, NO_PROGRAM)) for one in due}
    return outcomes


def _added(before: Outcome, after: Outcome) -> Outcome:
    return after if after is NO_PROGRAM else (after[0], before[1] + after[1])
