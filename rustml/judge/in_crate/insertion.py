"""An answer's function, ready to stand in its crate."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from msgspec import UNSET

from rustml.judge.in_crate.eligibility import Eligibility
from rustml.judge.in_crate.invocation import Invocation, outer_call
from rustml.judge.in_crate.prepared_crate import PreparedCrate
from rustml.judge.in_crate.sites import InsertionSite
from rustml.judge.rust.compiler import POLICY_LINTS
from rustml.judge.rust.lints import FRAGMENT
from rustml.judge.verdicts import unjudged_verdict
from rustml.records import Candidate, Diagnostic, Status, Verdict
from rustml.rust.syntax import functions

Key = TypeVar("Key")
Outcome = tuple[Status, int]
"""Of tests: the status that they give, and how many passed."""


@dataclass(frozen=True)
class JudgeableSite:
    """A site that can be judged, what it can be judged by, and its crate."""

    site: InsertionSite
    eligibility: Eligibility
    crate: PreparedCrate

    @property
    def call(self) -> Invocation:
        """The compiler's call that compiles it."""
        return self.crate.built.invocations[self.eligibility.call]

    @property
    def outer_call(self) -> Invocation:
        """The call that makes the library for tests outside it."""
        return outer_call(self.crate.built.invocations, self.eligibility.call, self.eligibility.test_call)

    @property
    def test_call(self) -> Invocation:
        """The call that makes its test program."""
        return self.crate.built.invocations[self.eligibility.test_call]


@dataclass(frozen=True, eq=False)
class Insertion:
    """A candidate's function and the site that it goes to."""

    candidate: Candidate
    place: JudgeableSite
    function: str

    @property
    def site(self) -> InsertionSite:
        """Where the function goes."""
        return self.place.site

    @property
    def eligibility(self) -> Eligibility:
        """What it is judged by."""
        return self.place.eligibility

    @property
    def sandbox(self) -> str:
        """What holds it, for its verdict."""
        return self.place.crate.sandbox

    @cached_property
    def header(self) -> str:
        """The function up to its opening brace."""
        return self.function.encode()[: self._body].decode()

    @cached_property
    def body(self) -> str:
        """The function from its opening brace on."""
        return self.function.encode()[self._body :].decode()

    @cached_property
    def _body(self) -> int:
        spans = functions(self.function.encode())
        return spans[0].body if spans else 0

    def refused(self, codes: Iterable[str]) -> Verdict | None:
        """The verdict `policy` where the lints say that the function does what its reference does not."""
        forbidden = sorted((set(codes) & POLICY_LINTS.keys()) - set(self.eligibility.excused))
        detail = POLICY_LINTS[forbidden[0]] if forbidden else ""
        return unjudged_verdict(self.candidate.id, "policy", detail, self.sandbox) if forbidden else None

    def compiled(self, codes: Iterable[str], status: Status, passed: int) -> Verdict:
        """The verdict on a function that compiles, by its lints and the outcome of its tests."""
        lints = tuple(sorted(set(codes) - FRAGMENT))
        expected = sum(map(len, (self.eligibility.tests, self.eligibility.examples, self.eligibility.integration)))
        return in_crate_verdict(
            self.candidate, self.sandbox, status, compiles=True, passed=passed, expected=expected, lints=lints
        )


def in_crate_verdict(
    candidate: Candidate,
    sandbox: str,
    status: Status,
    *,
    compiles: bool = False,
    passed: int = 0,
    expected: int = 0,
    lints: tuple[str, ...] = (),
    errors: tuple[Diagnostic, ...] = (),
) -> Verdict:
    """A verdict that a compiler or tests gave."""
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
        sandbox=sandbox,
        output=_output(status, passed, expected, errors) if candidate.explained and status != "passed" else UNSET,
    )


def _output(status: Status, passed: int, expected: int, errors: tuple[Diagnostic, ...]) -> str:
    """What compiler or tests say: of tests only how many passed, since their source is the crate's."""
    said = [f"error[{one.code}]: {one.message}" if one.code else f"error: {one.message}" for one in errors]
    return "\n".join(said) or f"{status}: {passed} of {expected} tests of the crate passed"


def grouped(insertions: Iterable[Insertion], key: Callable[[Insertion], Key]) -> list[list[Insertion]]:
    """Insertions with the same key together, in the order in which they came."""
    groups: dict[Key, list[Insertion]] = {}
    for insertion in insertions:
        groups.setdefault(key(insertion), []).append(insertion)
    return list(groups.values())
