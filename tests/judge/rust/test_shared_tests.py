"""Candidates for one problem share its compiled tests: their verdicts are those that each gets alone."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from rustml.judge import Judge
from rustml.judge.rust.crate_layout import Member
from rustml.judge.rust.program import Program
from rustml.judge.screening import test_file
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.records import Candidate, Verdict
from tests.support.judge_cases import RIGHT, WRONG, candidate

ANSWERS = {
    "right": RIGHT,
    "wrong": WRONG,
    "other argument": "pub fn double(xs: &[i32]) -> Vec<i32> { xs.iter().map(|x| x * 2).collect() }",
    "other result": "pub fn double(xs: Vec<i32>) -> Vec<i64> { xs.into_iter().map(|x| i64::from(x) * 2).collect() }",
    "own equality": "pub struct All; impl PartialEq<Vec<i32>> for All { fn eq(&self, _: &Vec<i32>) -> bool { true } }"
    " pub fn double(_: Vec<i32>) -> All { All }",
    "another name": "pub fn twice(xs: Vec<i32>) -> Vec<i32> { xs }",
    "a panic": "pub fn double(xs: Vec<i32>) -> Vec<i32> { xs.into_iter().map(|x| x * 2 / (x - x)).collect() }",
    "without end": "pub fn double(xs: Vec<i32>) -> Vec<i32> { loop { if xs.len() > 99 { break xs } } }",
    "a helper": "fn by(n: i32) -> i32 { n * 2 }"
    " pub fn double(xs: Vec<i32>) -> Vec<i32> { xs.into_iter().map(by).collect() }",
    "a constant that fails": "struct W<T>(T); impl<T> W<T> { const SMALL: () = assert!(size_of::<T>() < 2); }"
    " pub fn double(xs: Vec<i32>) -> Vec<i32> { let () = W::<i32>::SMALL; xs }",
}


def plain(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    return [(v.id, v.status, v.tests_passed, v.tests_expected, v.lints, v.errors, v.detail) for v in verdicts]


def alone_and_together(judge: Judge, candidates: list[Candidate]) -> list[tuple[object, ...]]:
    together = judge.judge(candidates)
    assert plain(together) == plain([verdict for one in candidates for verdict in judge.judge([one])])
    return [verdict.status for verdict in together]


def member(code: str, **fields: str) -> Member:
    source = CandidateSource(code)
    return Member(candidate(code, **fields), source, test_file.TestFile(candidate(code, **fields), source))


def test_each_answer_gets_its_own_verdict(judge: Judge) -> None:
    statuses = alone_and_together(judge, [candidate(code, name) for name, code in ANSWERS.items()])
    assert dict(zip(ANSWERS, statuses, strict=True)) == {
        "right": "passed",
        "wrong": "wrong",
        "other argument": "compile_error",
        "other result": "compile_error",
        "own equality": "compile_error",
        "another name": "compile_error",
        "a panic": "wrong",
        "without end": "run_timeout",
        "a helper": "passed",
        "a constant that fails": "compile_error",
    }


def test_a_changed_signature_says_so(judge: Judge) -> None:
    _, changed = judge.judge([candidate(RIGHT, "right"), candidate(ANSWERS["other result"], "other")])
    assert changed.detail.startswith("the answer changes the declared signature")


GENERIC = {
    "signature": "fn fold<'a, T: Clone, const N: usize>(xs: &'a [T; N], f: impl Fn(&T) -> bool) -> Option<&'a T>",
    "entry_point": "fold",
    "tests": "#[test] fn finds() { assert_eq!(fold(&[1, 2, 3], |x| *x > 1), Some(&2)); }\n"
    '#[test] fn of_texts() { assert_eq!(fold(&["a"], |x| x.is_empty()), None); }\n',
}


def test_generic_functions_share_tests(judge: Judge) -> None:
    head = "pub " + GENERIC["signature"]
    codes = (f"{head} {{ xs.iter().find(|x| f(x)) }}", f"{head} {{ xs.iter().rev().find(|x| f(x)) }}")
    assert alone_and_together(judge, [candidate(code, **GENERIC) for code in codes]) == ["passed", "wrong"]


def test_the_signature_may_name_what_the_tests_import(judge: Judge) -> None:
    fields = {
        "signature": "fn count(text: &str) -> Counts",
        "entry_point": "count",
        "tests": "use std::collections::BTreeMap;\ntype Counts = BTreeMap<char, usize>;\n"
        "#[test] fn counts() { assert_eq!(count(\"aa\"), Counts::from([('a', 2)])); }\n",
    }
    start = "pub fn count(text: &str) -> std::collections::BTreeMap<char, usize> { let mut m = Default::default(); "
    loop = "for c in text.chars() { *std::collections::BTreeMap::entry(&mut m, c).or_insert(0) += %d; } m }"
    codes = (start + loop % 1, start + loop % 2)
    assert alone_and_together(judge, [candidate(code, **fields) for code in codes]) == ["passed", "wrong"]


def test_tests_that_do_not_compile_are_an_error_of_each(judge: Judge) -> None:
    tests = "#[test] fn doubles() { assert_eq!(double(3), 6); }"
    other = {"tests": "#[test] fn t() { assert_eq!(double(vec![1]), [2]); }"}
    candidates = [
        candidate(RIGHT, "a", tests=tests),
        candidate(WRONG, "b", tests=tests),
        candidate(RIGHT, "c", **other),
    ]
    assert alone_and_together(judge, candidates) == ["compile_error", "compile_error", "passed"]


def test_a_panic_of_a_test_that_the_candidate_catches_fails_it(judge: Judge) -> None:
    fields = {
        "signature": "fn apply(f: fn()) -> bool",
        "entry_point": "apply",
        "tests": "fn fails() { panic!() }\n#[test] fn applies() { assert!(apply(fails)); }\n",
    }
    catch = "pub fn apply(f: fn()) -> bool { std::panic::catch_unwind(f).is_ok() || true }"
    codes = (catch, "pub fn apply(f: fn()) -> bool { let _ = f; true }")
    assert alone_and_together(judge, [candidate(code, **fields) for code in codes]) == ["wrong", "passed"]


def test_state_of_the_tests_does_not_pass_from_one_answer_to_the_next(judge: Judge) -> None:
    fields = {
        "tests": "use std::sync::atomic::{AtomicU32, Ordering};\nstatic CALLS: AtomicU32 = AtomicU32::new(0);\n"
        "#[test] fn once() { double(vec![]); assert_eq!(CALLS.fetch_add(1, Ordering::SeqCst), 0); }\n"
    }
    codes = (RIGHT, WRONG, ANSWERS["a helper"])
    assert alone_and_together(judge, [candidate(code, **fields) for code in codes]) == ["passed"] * 3


def test_a_candidate_cannot_ask_which_is_chosen(judge: Judge) -> None:
    body = "pub fn double(xs: Vec<i32>) -> Vec<i32> {{ if {}::chosen() > 0 {{ xs }} else {{ xs }} }}"
    curious = [candidate(body.format(path), path) for path in ("harness", "::harness", "super", "crate::harness")]
    statuses = [verdict.status for verdict in judge.judge([candidate(RIGHT, "right"), *curious])]
    assert statuses == ["passed", *["compile_error"] * 4]


def test_tests_are_written_once_for_all_answers(tmp_path: Path) -> None:
    members = [
        member(RIGHT),
        member(WRONG),
        member(RIGHT, tests="#[test] fn t() { assert!(double(vec![]).is_empty()); }"),
    ]
    crate = Program(tmp_path / "s", members, "library")
    crate.write(members)
    texts = [path.read_text() for path in (tmp_path / "s").rglob("*.rs")]
    assert sum("keeps_nothing_as_nothing()" in text and "fn keeps" in text for text in texts) == 1
    crate.part(crate.shared_files)
    crate.write(members)
    texts = [(tmp_path / "s" / f"{one.tests}.rs").read_text() for one in members]
    assert [("fn keeps" in text) for text in texts] == [True, True, False]


SHARED_BY_NONE = {
    "an opaque result": {"signature": "fn double(xs: Vec<i32>) -> impl Iterator<Item = i32>"},
    "types of the candidate's": {"tests": "#[test] fn t() { let _: Wrapped; double(vec![]); }"},
    "constants": {
        "signature": "const fn double(x: i32) -> i32",
        "tests": "const TWO: i32 = double(1); #[test] fn t() { assert_eq!(TWO, 2); }",
    },
    "no signature": {"signature": ""},
}


@pytest.mark.parametrize("case", SHARED_BY_NONE)
def test_what_depends_on_the_candidate_is_not_shared(case: str) -> None:
    code = "pub struct Wrapped;\npub const fn double(xs: Vec<i32>) -> Vec<i32> { xs }"
    assert member(code, **SHARED_BY_NONE[case]).test_file.shared_by is None


def test_an_unpinned_answer_has_tests_of_its_own() -> None:
    source = CandidateSource(RIGHT)
    assert test_file.TestFile(replace(candidate(RIGHT), pinned=False), source).shared_by is None
