"""Honest Rust passes, as it does with plain rustc, in whatever form people write it."""

import dataclasses

import msgspec
import pytest
from msgspec import UNSET

from rustml.judge import Judge
from rustml.judge.rust.failures import CHANGED
from rustml.records import Candidate, Verdict
from tests.support.honest import HONEST, IS_ONE, ONE, program
from tests.support.judge_cases import LIMITS

NAMES = [candidate.id for candidate in HONEST]


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    return {verdict.id: verdict for verdict in judge.judge(HONEST)}


@pytest.mark.parametrize("name", NAMES)
def test_honest_code_passes(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status == "passed", verdicts[name]


def test_a_changed_signature_says_so_and_may_be_allowed(judge: Judge) -> None:
    code = "pub fn one() -> i64 { 1 }"
    pinned = program("pinned", code, IS_ONE, "one", ONE)
    free = Candidate(id="free", code=code, tests=IS_ONE, entry_point="one", signature=ONE, pinned=False)
    first, second = judge.judge([pinned, free])
    assert first.status == "compile_error"
    assert first.detail.startswith(CHANGED), first
    assert second.status == "passed", second


def test_unsafe_code_is_judged_where_problem_and_judge_allow_it(judge: Judge) -> None:
    code = "pub fn one() -> i32 { let x = 1; unsafe { *(&raw const x) } }"
    strict = program("strict", code, IS_ONE, "one", ONE)
    weak = program("unsafe", code, IS_ONE, "one", ONE, policy="unsafe")
    assert [verdict.status for verdict in judge.judge([strict, weak])] == ["policy", "policy"]
    with Judge(dataclasses.replace(LIMITS, weak_integrity=True), workers=1, lints=False) as lenient:
        refused, allowed = lenient.judge([strict, weak])
    assert (refused.status, refused.integrity) == ("policy", UNSET)
    assert (allowed.status, allowed.integrity) == ("passed", "weak")


def test_tests_that_a_macro_writes_are_run_and_counted(judge: Judge) -> None:
    right = next(one for one in HONEST if one.id == "tests that a macro writes")
    wrong = msgspec.structs.replace(right, code=right.code.replace("x * x", "if x == 3 { 8 } else { x * x }"))
    only = msgspec.structs.replace(wrong, tests=right.tests[: right.tests.index("#[test] #[should_panic")])
    verdicts = judge.judge([right, wrong, only])
    counts = [(verdict.status, verdict.tests_passed, verdict.tests_expected) for verdict in verdicts]
    assert counts == [("passed", 3, 3), ("wrong", 2, 3), ("wrong", 1, 2)]
