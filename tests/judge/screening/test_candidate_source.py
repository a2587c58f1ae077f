"""What is read off a candidate's text: who compiles alone, what is forbidden, which items it has and makes public."""

import pytest

from rustml.judge.screening.candidate_source import DEEPEST, CandidateSource
from rustml.rust.lexer import squeeze


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("fn f() {}", None),
        ("struct S; impl S { fn f(&self) {} } impl Clone for S { fn clone(&self) -> S { S } }", None),
        ("mod inner { use super::*; }", None),
        ("fn f( {}", "does not lex"),
        ('fn f() -> &str { r#"open" }', "does not lex"),
        ("fn f() { " + "(" * DEEPEST + ")" * DEEPEST + " }", "nests deeply"),
        ("fn f() { crate::g() }", "names its crate"),
        ("use super::g;", "names its crate"),
        ("mod other;", "names a file"),
        ('fn f() { include_str!("x"); }', "includes a file"),
        ("#![allow(dead_code)]\nfn f() {}", "sets crate attributes"),
        ("#[macro_export] macro_rules! m { () => {} }", "exports a macro"),
        ("impl Clone for Foreign { }", "implements a trait for a foreign type"),
        ("struct S; macro_rules! m { () => { impl S {} } }", "may implement a trait by a macro"),
        ("fn f() -> &'static str { file!() }", "looks at its own source position"),
    ],
)
def test_who_must_not_share_a_compilation(code: str, reason: str | None) -> None:
    assert CandidateSource(code).alone == reason


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("fn f() { unsafe {} }", "unsafe code"),
        ('fn f() { asm!("nop") }', "inline assembly"),
        ("fn asm() {}", None),
        ('fn f() { "unsafe"; } // unsafe', None),
        ("fn r#unsafe() {}", "unsafe code"),
    ],
)
def test_means_that_the_text_gives_away(code: str, reason: str | None) -> None:
    assert CandidateSource(code).forbidden == reason


@pytest.mark.parametrize(
    ("code", "by_hand"),
    [
        ("#[derive(Clone, PartialEq)] struct S;", False),
        ("struct S; impl PartialEq for S { fn eq(&self, _: &S) -> bool { true } }", True),
        ("#[derive(Clone)] struct S; impl PartialOrd for S {}", True),
        ("macro_rules! m { () => {} }", True),
        ("fn f() {}", False),
    ],
)
def test_an_equality_that_is_not_derived_is_seen(code: str, by_hand: bool) -> None:
    assert CandidateSource(code).compares_by_hand is by_hand


def test_items_are_those_of_the_top_level_in_order() -> None:
    code = """
    #[derive(Clone)]
    pub(crate) struct Pair(u8, u8);
    impl Pair { fn hidden(&self) {} }
    const fn two() -> u8 { 2 }
    const LIMIT: u8 = { 3 };
    pub unsafe extern "C" fn c() {}
    mod inner { fn deeper() {} }
    """
    items = [(item.keyword, item.name) for item in CandidateSource(code).items]
    assert items == [("struct", "Pair"), ("fn", "two"), ("const", "LIMIT"), ("fn", "c"), ("mod", "inner")]


def test_code_whose_delimiters_do_not_match_has_no_items_and_is_published_as_it_is() -> None:
    source = CandidateSource("fn f( {}")
    assert source.items == ()
    assert source.published(frozenset({"f"})) == source.code


def test_the_extent_of_an_item_goes_from_its_visibility_to_its_end() -> None:
    code = "#[inline]\npub fn f() { if true {} }\nfn g() {}"
    ((start, end),) = CandidateSource(code).extent("f")
    assert code[start:end] == "pub fn f() { if true {} }"


@pytest.mark.parametrize(
    ("code", "head"),
    [
        ("#![allow(x)]\n//! Doc.\nfn f() {}", "#![allow(x)]\n//! Doc.\n"),
        ("// A comment.\nfn f() {}", ""),
        ("fn f() {}", ""),
    ],
)
def test_the_head_ends_behind_inner_attributes(code: str, head: str) -> None:
    source = CandidateSource(code)
    assert code[: source.inner_end] == head


@pytest.mark.parametrize(
    ("code", "published"),
    [
        ("fn f() {} fn g() {}", "pub fn f() {} fn g() {}"),
        ("pub(crate) fn f() {}", "pub fn f() {}"),
        ("#[inline] fn f() {}", "#[inline] pub fn f() {}"),
        ("struct S { a: u8, pub b: Vec<(u8, u8)> }", "pub struct S { pub a: u8, pub b: Vec<(u8, u8)> }"),
        ("struct S(u8, HashMap<u8, u8>);", "pub struct S(pub u8, pub HashMap<u8, u8>);"),
        (
            "struct S; impl S { fn new() -> S { S } } impl Clone for S { fn clone(&self) -> S { S } }",
            "pub struct S; impl S { pub fn new() -> S { S } } impl Clone for S { fn clone(&self) -> S { S } }",
        ),
        ("enum S { A(u8) }", "pub enum S { A(u8) }"),
    ],
)
def test_what_the_tests_use_is_made_public(code: str, published: str) -> None:
    assert squeeze(CandidateSource(code).published(frozenset({"f", "S"}))) == squeeze(published)
