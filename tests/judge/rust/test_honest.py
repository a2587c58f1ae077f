"""Honest Rust passes, as it does with plain rustc, in whatever form people write it."""

import dataclasses

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
