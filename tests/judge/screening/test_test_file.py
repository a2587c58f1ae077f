"""The tests of a problem, made ready: what is a test, which names come from the candidate, what is edited."""

import pytest

from rustml.errors import InputError
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.records import Candidate
from rustml.rust.lexer import lexes, squeeze

CODE = "fn add(a: i64) -> i64 { a + 1 }\nfn helper() {}\nfn drop() {}"
TEST = "#[test]\nfn adds() { assert_eq!(add(1), 2); }"


def made(tests: str, code: str = CODE, **changes: str) -> TestFile:
    candidate = Candidate(id="c", code=code, tests=tests, entry_point="add", **changes)
    return TestFile(candidate, CandidateSource(code))


def rendered(tests: str, code: str = CODE, **changes: str) -> str:
    return made(tests, code, **changes).render(library="lib", module="m", prelude="", harness="h", here="t")


@pytest.mark.parametrize(
    ("tests", "paths"),
    [
        (TEST, ["adds"]),
        ("#[cfg(test)] mod tests { use super::*; #[test] fn a() {} mod deep { #[test] fn b() {} } fn c() {} }",
         ["tests::a", "tests::deep::b"]),
        ("#[test] #[ignore] fn slow() {} #[test] fn a() {}", ["a"]),
        ("#[test]\n#[should_panic(expected = \"no\")]\nfn panics() {}", ["panics"]),
    ],
)  # fmt: skip
def test_test_functions_are_named_by_their_path(tests: str, paths: list[str]) -> None:
    assert [function.path for function in made(tests).functions] == paths


@pytest.mark.parametrize(
    ("attribute", "panics"), [("", None), ("#[should_panic]", '""'), ('#[should_panic(expected = "no")]', '"no"')]
)
def test_a_test_says_which_panic_it_expects(attribute: str, panics: str | None) -> None:
    (function,) = made(f"#[test] {attribute} fn t() {{}}").functions
    assert function.panics == panics


@pytest.mark.parametrize(
    ("tests", "words"), [("fn helper() {}", "no #\\[test\\]"), ("#[test] fn t( {}", "do not match")]
)
def test_tests_that_cannot_be_read_are_bad_input_that_names_the_candidate(tests: str, words: str) -> None:
    with pytest.raises(InputError, match=f"candidate c: .*{words}"):
        made(tests)


def test_only_names_that_the_tests_use_come_from_the_candidate() -> None:
    assert made(TEST).wanted == {"add"}
    assert made(TEST + "\n#[test] fn b() { helper(); drop(1); }").wanted == {"add", "helper"}
    assert made(TEST + "\nfn helper() {}\n#[test] fn b() { helper(); }").wanted == {"add"}


def test_assertions_become_the_harnesss_and_attributes_go() -> None:
    text = rendered("#[test]\nfn t() { std::assert!(true); debug_assert_eq!(add(1), 2); assert_ne!(add(1), 3); }")
    assert "::h::assert!(true)" in text
    assert "::h::assert_eq!(add(1), 2)" in text
    assert "::h::assert_ne!(add(1), 3)" in text
    assert "#[test]" not in text
    assert lexes(text)


def test_comparisons_inside_assert_are_guarded() -> None:
    text = squeeze(rendered("#[test]\nfn t() { assert!(add(1) == 2 && add(2) < 9); }"))
    assert "*::h::plain(&(add(1)))==*::h::plain(&(2))&&*::h::plain(&(add(2)))<*::h::plain(&(9))" in text


def test_a_type_of_the_candidates_is_compared_by_its_own_equality() -> None:
    code = "struct S; fn add() -> S { S }"
    test_file = made("#[test]\nfn t() { assert_eq!(add(), S); }", code)
    assert test_file.own_types == {"S"}
    text = test_file.render(library="lib", module="m", prelude="", harness="h", here="t")
    assert "::h::assert_eq_own!(add(), S)" in text


def test_a_signature_pins_the_entry_point_to_its_types() -> None:
    text = squeeze(rendered(TEST, signature="fn add(a: i64) -> i64"))
    assert squeeze("pub fn add(a0: i64) -> i64 { ::lib::m::add(a0) }") in text
    assert squeeze("use ::lib::m::add;") not in text
    assert squeeze("use ::lib::m::add;") in squeeze(rendered(TEST))


def test_crate_paths_of_the_tests_lead_to_the_test_file() -> None:
    assert "crate::t::helper()" in squeeze(rendered("fn helper() {}\n#[test] fn a() { crate::helper(); }"))
