"""Errors that are gone, and errors that only seem to be."""

import msgspec
import pytest

from rustml.records import Diagnostic, Problem, Status, Verdict
from rustml.testing import FakeJudge, make_verdict
from rustml.training.given_errors import GivenErrors, codes, share_gone
from tests.support.toy_models import problem

SYNTAX = Diagnostic(code="", message="expected expression")


def refused(*codes: str, status: Status = "compile_error") -> Verdict:
    errors = tuple(Diagnostic(code=code, message="what it says") if code else SYNTAX for code in codes)
    return msgspec.structs.replace(make_verdict("x", status), errors=errors)


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (("E0308", "E0425"), ("E0425",), 0.5),
        (("E0308", "E0425"), ("E0308", "E0425"), 0.0),
        (("E0308", "E0425"), ("",), 0.0),  # behind a slip of syntax the compiler looks for neither
        (("E0308", "E0425"), ("E0425", "E0599"), 0.0),
        (("", "E0308", "E0425", "E0599"), ("",), 0.75),
        ((), ("E0425",), 0.0),
    ],
)
def test_only_errors_that_no_new_one_replaces_are_gone(
    before: tuple[str, ...], after: tuple[str, ...], share: float
) -> None:
    assert share_gone(codes(refused(*before)), refused(*after)) == share


def test_a_refusal_without_the_compilers_errors_takes_none_away() -> None:
    before = codes(refused("E0308", "E0425"))
    assert share_gone(before, refused(status="compile_timeout")) == 0
    assert share_gone(before, refused("E0425", status="policy")) == 0


def test_code_that_the_judge_could_not_judge_is_tried_again() -> None:
    problems: list[Problem] = [msgspec.structs.replace(problem(1), broken="fn add_1() {}"), problem(2)]
    judge = FakeJudge.in_turn("infrastructure", refused("E0308"))
    given = GivenErrors(judge)
    assert given.of(problems) == [frozenset(), frozenset()]
    assert given.of(problems) == given.of(problems) == [{"E0308"}, frozenset()]
    assert [candidate.code for candidate in judge.judged] == ["fn add_1() {}"] * 2
