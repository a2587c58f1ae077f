"""Code without tests is compiled and linted, each lint counted, and nothing of it is run."""

import msgspec
import pytest

from rustml.judge import Judge
from rustml.records import Candidate, Verdict
from tests.support.judge_cases import RIGHT, candidate

CLEAN = "/// Adds one.\npub fn next(x: i32) -> i32 {\n    x + 1\n}\n"
RETURNS = "pub fn f(x: i32) -> i32 {\n    return x + 1;\n}\npub fn g(v: &Vec<i32>) -> usize {\n    return v.len();\n}\n"
CODES = {
    "clean": CLEAN,
    "lints": RETURNS,
    "silenced lints": "#![allow(clippy::all)]\n" + RETURNS,
    "denied lints": "#![deny(clippy::all, warnings)]\n" + RETURNS,
    "a program": 'fn main() {\n    println!("{}", 1);\n    std::process::exit(0);\n}\n',
    "unsafe": "pub fn first(xs: &[u8]) -> u8 {\n    unsafe { *xs.get_unchecked(0) }\n}\n",
    "its own crate": "pub mod a {\n    pub struct One;\n}\npub fn one() -> crate::a::One {\n    crate::a::One\n}\n",
    "unclosed": "pub fn f( {",
    "another type": 'pub fn f() -> i32 {\n    "a"\n}\n',
    "a borrow": "pub fn f<'a>() -> &'a String {\n    let s = String::new();\n    &s\n}\n",
    "a crate that is not there": "use serde::Serialize;\n",
    "a file of the host": 'pub fn f() -> &\'static str {\n    include_str!("/etc/passwd")\n}\n',
}


def untested(code: str, name: str = "c", **fields: str) -> Candidate:
    return Candidate(id=name, code=code, tests="", entry_point="", **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    tested = candidate(RIGHT, "tested")
    judged = judge.judge([tested, *(untested(code, name) for name, code in CODES.items())])
    assert [verdict.id for verdict in judged] == ["tested", *CODES]
    return {verdict.id: verdict for verdict in judged}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("clean", {}),
        ("lints", {"clippy::needless_return": 2, "clippy::ptr_arg": 1}),
        ("silenced lints", {"clippy::needless_return": 2, "clippy::ptr_arg": 1}),
        ("denied lints", {"clippy::needless_return": 2, "clippy::ptr_arg": 1}),
        ("a program", {}),
        ("unsafe", {}),
        ("its own crate", {}),
    ],
)
def test_what_compiles_has_its_lints_counted(verdicts: dict[str, Verdict], name: str, counts: dict[str, int]) -> None:
    verdict = verdicts[name]
    assert (verdict.status, verdict.compiles, verdict.clippy_clean) == ("untested", True, not counts), verdict
    assert (verdict.lint_counts or {}) == counts
    assert verdict.lints == tuple(counts)
    assert (verdict.tests_passed, verdict.tests_expected) == (0, 0)


@pytest.mark.parametrize(
    ("name", "code"),
    [("unclosed", ""), ("another type", "E0308"), ("a borrow", "E0515"), ("a crate that is not there", "E0432")],
)
def test_what_does_not_compile_has_its_error(verdicts: dict[str, Verdict], name: str, code: str) -> None:
    verdict = verdicts[name]
    assert (verdict.status, verdict.compiles, verdict.clippy_clean) == ("compile_error", False, None)
    assert verdict.errors[0].code == code


def test_the_compilation_is_held_by_the_sandbox(verdicts: dict[str, Verdict]) -> None:
    assert verdicts["a file of the host"].status == "compile_error"
    assert "bubblewrap" in verdicts["clean"].sandbox


def test_tested_candidates_beside_them_are_tested(verdicts: dict[str, Verdict]) -> None:
    assert (verdicts["tested"].status, verdicts["tested"].tests_passed) == ("passed", 2)


def test_the_count_of_a_tested_candidate_is_there_too(judge: Judge) -> None:
    (verdict,) = judge.judge([candidate("pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    return xs;\n}\n")])
    assert (verdict.status, verdict.lint_counts) == ("wrong", {"clippy::needless_return": 1})


def test_tests_of_white_space_are_none_and_python_needs_some(judge: Judge) -> None:
    blank = msgspec.structs.replace(untested(CLEAN), tests=" \n")
    python = untested("x = 1\n", language="python")
    assert [verdict.status for verdict in judge.judge([blank, python])] == ["untested", "infrastructure"]
