# ruff: noqa: E501 - code of candidates
"""What attack has got through once: wrong code that passed, faults that a candidate forced, neighbours that it touched."""

import time

import pytest

from rustml.judge import Judge
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.records import Candidate, Verdict
from tests.support.attacks import UNPINNED, WRONG, body
from tests.support.judge_cases import RIGHT, candidate
from tests.support.rust_programs import rust_programs

ITERATOR_TESTS = """
#[test]
fn counts() {
    assert_eq!(up_to(3).count(), 3);
    assert!(up_to(3).eq([1, 2, 3]));
    assert_eq!(up_to(4).fold(0, |a, b| a + b), 10);
}
"""
LYING_ITERATOR = """
pub struct Lies;
impl Iterator for Lies {
    type Item = u32;
    fn next(&mut self) -> Option<u32> { None }
    fn count(self) -> usize { 3 }
    fn fold<B, F: FnMut(B, u32) -> B>(self, _: B, mut f: F) -> B { let b = f(unreachable(), 10); b }
    fn eq<I: IntoIterator>(self, _: I) -> bool where u32: PartialEq<I::Item> { true }
}
fn unreachable<B>() -> B { panic!() }
pub fn up_to(n: u32) -> impl Iterator<Item = u32> { let _ = n; Lies }
"""
LYING_INSIDE = LYING_ITERATOR.replace(
    "-> impl Iterator<Item = u32> { let _ = n; Lies }", "-> Option<impl Iterator<Item = u32>> { let _ = n; Some(Lies) }"
)
LYING_LENGTH = """
pub struct Lies;
impl Iterator for Lies { type Item = u32; fn next(&mut self) -> Option<u32> { None } fn size_hint(&self) -> (usize, Option<usize>) { (3, Some(3)) } }
impl ExactSizeIterator for Lies {}
pub fn f() -> impl ExactSizeIterator<Item = u32> { Lies }
"""
CALLBACK_TESTS = """
#[test]
fn calls_with_each() {
    let mut sum = 0;
    each(vec![1, 2], |x| { assert!(x > 0); sum += x; });
    each(vec![5], |x| { if x != 5 { panic!("not five") } });
}
"""
SWALLOWS = "pub fn each(_: Vec<i32>, mut f: impl FnMut(i32)) { let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| { f(1); f(2); f(-3) })); }"
METHODS = """
#[test]
fn is_even_by_method() {
    assert!(parse("3").is_ok());
    assert_eq!(parse("3").iter().len(), 1);
}
"""


@pytest.fixture(scope="module")
def verdicts(judge: Judge) -> dict[str, Verdict]:
    pinned = [candidate(code, name) for name, code in WRONG.items()]
    unpinned = [candidate(code, f"unpinned, {name}", signature="") for name, code in UNPINNED.items()]
    honest = [candidate(RIGHT + f"// {number}\n", f"honest {number}") for number in range(4)]
    return {verdict.id: verdict for verdict in judge.judge([*honest, *pinned, *unpinned])}


@pytest.mark.parametrize("name", [*WRONG, *(f"unpinned, {name}" for name in UNPINNED)])
def test_wrong_code_neither_passes_nor_becomes_the_judges_fault(verdicts: dict[str, Verdict], name: str) -> None:
    assert verdicts[name].status not in ("passed", "infrastructure"), verdicts[name]


def test_what_macros_and_globs_write_changes_no_meaning(judge: Judge) -> None:
    wrong = [
        Candidate(id=name, code=code, tests=tests, entry_point=entry)
        for name, entry, code, tests in rust_programs("rust_wrong")
    ]
    statuses = {verdict.id: verdict.status for verdict in judge.judge(wrong)}
    assert not {name for name, status in statuses.items() if status in ("passed", "infrastructure")}


def test_the_neighbours_of_attacks_pass(verdicts: dict[str, Verdict]) -> None:
    assert {verdicts[f"honest {number}"].status for number in range(4)} == {"passed"}


def test_results_and_callbacks_cannot_lie(judge: Judge) -> None:
    iterator = {
        "tests": ITERATOR_TESTS,
        "entry_point": "up_to",
        "signature": "fn up_to(n: u32) -> impl Iterator<Item = u32>",
    }
    length = {
        "tests": "#[test] fn t() { assert_eq!(f().len(), 3) }",
        "entry_point": "f",
        "signature": "fn f() -> impl ExactSizeIterator<Item = u32>",
    }
    optional = {
        "tests": ITERATOR_TESTS.replace("up_to(3)", "up_to(3).unwrap()").replace("up_to(4)", "up_to(4).unwrap()"),
        "entry_point": "up_to",
        "signature": "fn up_to(n: u32) -> Option<impl Iterator<Item = u32>>",
    }
    callback = {
        "tests": CALLBACK_TESTS,
        "entry_point": "each",
        "signature": "fn each(xs: Vec<i32>, f: impl FnMut(i32))",
    }
    methods = {"tests": METHODS, "entry_point": "parse", "signature": "fn parse(s: &str) -> Result<i32, String>"}
    number = {
        "tests": "#[test] fn t() { assert_eq!(f(2).get(), 2) }",
        "entry_point": "f",
        "signature": "fn f(n: u32) -> NonZeroU32",
    }
    own_number = "pub struct NonZeroU32; impl NonZeroU32 { pub fn get(&self) -> u32 { 2 } } pub fn f(_: u32) -> NonZeroU32 { NonZeroU32 }"
    trait = "pub trait Tests { fn is_ok(self) -> bool; } impl<T> Tests for Result<T, String> { fn is_ok(self) -> bool { true } }"
    given = [
        Candidate(id="lying iterator", code=LYING_ITERATOR, **iterator),
        Candidate(id="iterator", code="pub fn up_to(n: u32) -> impl Iterator<Item = u32> { 1..=n }", **iterator),
        Candidate(id="lying length", code=LYING_LENGTH, **length),
        Candidate(id="iterator that lies inside", code=LYING_INSIDE, **optional),
        Candidate(id="swallows", code=SWALLOWS, **callback),
        Candidate(id="calls", code="pub fn each(xs: Vec<i32>, f: impl FnMut(i32)) { xs.into_iter().for_each(f) }", **callback),
        Candidate(id="by-value trait", code=trait + 'pub fn parse(_: &str) -> Result<i32, String> { Err("".into()) }', **methods),
        Candidate(id="own type for the declared one", code=own_number, **number),
        Candidate(id="declared type", code="use std::num::NonZeroU32; pub fn f(n: u32) -> NonZeroU32 { NonZeroU32::new(n).unwrap() }", **number),
    ]  # fmt: skip
    statuses = {verdict.id: verdict.status for verdict in judge.judge(given)}
    assert statuses == {
        "lying iterator": "wrong", "iterator": "passed", "lying length": "wrong", "iterator that lies inside": "wrong", "swallows": "wrong", "calls": "passed", "by-value trait": "wrong",
        "own type for the declared one": "compile_error", "declared type": "passed",
    }  # fmt: skip


HIJACKED = {
    "a trait by the crate's glob": ("use mine::*;", "pub trait Len { fn len(self) -> usize; } impl Len for Vec<u8> { fn len(self) -> usize { 3 } }", ""),
    "a trait by a module's glob": ("use mine::{self}; use mine::inner::*;", "pub mod inner { pub use super::f; pub trait Len { fn len(self) -> usize; } impl Len for Vec<u8> { fn len(self) -> usize { 3 } } }", ""),
    "a trait by a prelude": ("use mine::prelude::*;", "mod deep { pub trait Len { fn len(self) -> usize; } impl Len for Vec<u8> { fn len(self) -> usize { 3 } } } pub mod prelude { pub use crate::deep::*; pub use crate::f; }", ""),
    "a constant by the crate's glob": ("use mine::*;", "#[allow(non_upper_case_globals)] pub const got: usize = 3;", "match f().len() { got => assert_eq!(got, 3) }"),
    "a macro by the crate's glob": ("use mine::*;", "#[macro_export] macro_rules! vec { ($($t:tt)*) => { Vec::<u8>::new() } }", "assert_eq!(f(), vec![1, 2, 3]);"),
    "a trait under a generic's name": ("use mine::f; fn twice<T: Clone>(x: T) -> (T, T) { (x.clone(), x) }", "mod deep { pub trait Len { fn len(self) -> usize; } impl Len for Vec<u8> { fn len(self) -> usize { 3 } } } pub use deep::Len as T;", "let _ = twice(1);"),
    "a trait that a macro writes": ("use mine::*;", "macro_rules! all { ($n:ident, $t:ident) => { pub struct $n; pub trait $t { fn len(self) -> usize; } impl $t for Vec<u8> { fn len(self) -> usize { 3 } } } } all!(Name, Kind);", "let _ = Name; let _ = stringify!(Kind);"),
}  # fmt: skip


@pytest.mark.parametrize("name", HIJACKED)
def test_a_glob_over_the_candidates_crate_changes_no_other_meaning(judge: Judge, name: str) -> None:
    head, hostile, before = HIJACKED[name]
    tests = f"{head}\n#[test]\nfn three() {{ {before} assert_eq!(f().len(), 3); }}\n"
    code = f"{hostile}\npub fn f() -> Vec<u8> {{ Vec::new() }}\n"
    verdict = judge.judge([Candidate(id=name, code=code, tests=tests, entry_point="mine")])[0]
    assert verdict.status in ("wrong", "compile_error"), verdict


def test_an_exit_code_is_no_fault_of_the_machine(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rustml.judge.rust.batch.POLICY_LINTS", {})
    verdict = judge.judge([candidate(body("std::process::exit(97);"))])[0]
    assert verdict.status == "incomplete", verdict


def test_what_clippy_alone_refuses_is_no_fault_of_the_machine(judge: Judge) -> None:
    reexport = "mod inner { fn hidden() {} pub use self::hidden as shown; }\n" + RIGHT
    flood = RIGHT + "".join(f"pub fn f{n}() -> i32 {{ return {n}; }}\n" for n in range(6000))
    refused, flooded = judge.judge([candidate(reexport, "r"), candidate(flood, "f")])
    assert refused.status == "compile_error", refused
    assert (flooded.status, flooded.clippy_clean) == ("passed", False)


def test_no_attribute_about_lints_silences_or_stops(judge: Judge) -> None:
    loud = RIGHT.replace(
        "    xs.into_iter().map(|x| x * 2).collect()\n",
        "    xs.iter().map(|x| x * 2).collect::<Vec<i32>>().iter().cloned().map(|x| x + 0).collect()\n",
    )
    old = '#![clippy::msrv = "1.0.0"]\n' + loud
    denied = (
        "//! Doubles.\n#![deny(clippy::pedantic)]\n#![deny(missing_docs)]\n/// Doubles.\n" + RIGHT + "fn helper() {}\n"
    )
    plain, silenced, strict = judge.judge([candidate(loud, "l"), candidate(old, "o"), candidate(denied, "d")])
    assert plain.lints
    assert plain.lints == silenced.lints
    assert strict.status == "passed", strict


def test_a_neighbours_own_type_breaks_no_inference(judge: Judge) -> None:
    hostile = (
        "#[allow(non_camel_case_types)] mod m { pub struct i32; } pub struct L; impl PartialEq<L> for i32 { fn eq(&self, _: &L) -> bool { true } }\n"
        + RIGHT
    )
    needs = RIGHT.replace("x * 2", "if x == 1.into() { 2 } else { x * 2 }")
    assert [verdict.status for verdict in judge.judge([candidate(hostile, "h"), candidate(needs, "n")])] == [
        "passed"
    ] * 2


@pytest.mark.parametrize(
    "piece",
    ['"\\', "'\\u{", "/*", "impl ", "impl X for ", "use {", "use a::{", "PartialEq ", "dyn ", "#[", "#![a]", "mod a{}super ",
     "macro_rules! a", "r#", "crate::", "struct A;", "struct A{a:A,", "impl<T> A for ", "a!(", "'a 'b ", "const ", "pub(", "<", "::",
     "type A=A;", "fn f(", "fn f<'a,'b>(x:&'a &'b u8){} f ", "=", "#[derive(PartialEq)]struct A;", "use a::*;", "use a::b as a;", "mod a{pub use super::*;}", "enum A{B}use A::*;", "m!{A,", "\u200e", "trait A{fn a();}"],
)  # fmt: skip
def test_reading_is_linear(piece: str) -> None:
    """Four times the text takes about four times the processor time, and sixteen times where it is read again."""
    seconds = [_seconds(piece * (size // len(piece))) for size in (4 * 1024, 16 * 1024)]
    assert seconds[1] < 10 * seconds[0] + 0.2, seconds


def _seconds(code: str) -> float:
    """Processor time of the quickest of three readings: a collection of garbage falls into one of them at most."""
    spent = []
    for _ in range(3):
        started = time.process_time()
        _read_all(code)
        spent.append(time.process_time() - started)
    return min(spent)


def _read_all(code: str) -> None:
    source = CandidateSource(code)
    _ = source.alone, source.own_types, source.forbidden(allow_unsafe=False), source.items, source.imports
    _ = source.modules.names(()), source.modules.names(("a", "b")), source.modules.written
    _ = source.published(frozenset({"a"})), source.linted, source.defines_inside("a")
