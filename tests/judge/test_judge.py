# ruff: noqa: E501 - code of candidates
"""The same verdict alone and in company, in order; honest code passes as it is; lints are the candidate's own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rustml.covering_tests import CoveringTests
from rustml.errors import EnvironmentFault, SandboxUnavailable
from rustml.judge import Judge
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.records import Candidate, Verdict
from tests.support.bombs import BOMBS
from tests.support.cheats import CHEATS
from tests.support.judge_cases import LIMITS, RIGHT, WRONG, candidate

BROKEN = {
    "unbalanced": RIGHT + "fn more() {",
    "parse error": RIGHT + "fn more() { let = 3; }",
    "type error": RIGHT.replace("x * 2", '"two"'),
    "borrow error": RIGHT + "fn more() -> usize { let v = vec![1]; drop(v); v.len() }",
    "unresolved": RIGHT.replace("into_iter", "into_itre"),
    "no such type": RIGHT + "fn more(_: Foo) {}",
    "denied lint": RIGHT + "fn more() -> u8 { 256 }",
    "constant panics": RIGHT + "const N: usize = [1][3]; fn more() -> usize { N }",
}
HONEST = {
    "its own tests": RIGHT + "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn t() { double(vec![]); }\n}\n",
    "its own main": RIGHT + 'fn main() {\n    if std::env::args().count() > 9 { std::process::exit(2) }\n    println!("{}", 1);\n}\n',
    "braces in literals": RIGHT + 'const B: &str = "}{"; const C: char = \'{\'; const R: &str = r#"}"}"#;\n',
    "fence in a doc comment": "/// ```\n/// assert_eq!(double(vec![1]), vec![3]);\n/// ```\n" + RIGHT,
    "inner doc comment": "//! Doubles.\n\n" + RIGHT,
    "inner attributes": "#![allow(dead_code)]\n#![deny(clippy::all)]\n" + RIGHT,
    "swaps": RIGHT + "pub fn s(a: &mut i32, b: &mut i32) { std::mem::swap(a, b) }\n",
    "telling names": RIGHT + "pub fn external(exit: i32, process: i32, r#unsafe_: i32) -> i32 { exit + process + r#unsafe_ }\n",
    "repeats the imports": "use std::collections::HashMap;\nuse std::collections::HashMap as Map;\n" + RIGHT
    + "pub fn m() -> (HashMap<u8, u8>, Map<u8, u8>) { Default::default() }\n",
    "uses the imports": RIGHT + "pub fn m() -> HashMap<u8, u8> { HashMap::new() }\n",
    "private function": RIGHT.removeprefix("pub "),
    "crate visible": RIGHT.replace("pub fn", "pub(crate) fn"),
    "writes bytes": RIGHT.replace("    xs", "    use std::io::Write;\n    std::io::stdout().write_all(&[255, 0]).ok();\n    xs"),
    "threads": RIGHT.replace("    xs", "    std::thread::spawn(|| 1).join().unwrap();\n    xs"),
    "a trait for a foreign type": "trait D { fn d(self) -> Self; }\nimpl D for i32 {\n    fn d(self) -> i32 { self * 2 }\n}\n"
    + RIGHT.replace("x * 2", "x.d()"),
    "names its crate": "mod a { pub fn two() -> i32 { 2 } }\n" + RIGHT.replace("x * 2", "x * crate::a::two()"),
    "slice argument": "pub fn double(xs: Vec<i32>) -> Vec<i32> {\n    fn go(xs: &[i32]) -> Vec<i32> { xs.iter().map(|x| x * 2)"
    ".collect() }\n    go(&xs)\n}\n",
}  # fmt: skip
PRELUDE = "use std::collections::HashMap;\nuse rand::Rng;\n"


def timeless(verdict: Verdict) -> tuple[object, ...]:
    return tuple(getattr(verdict, name) for name in verdict.__struct_fields__ if name not in ("seconds", "detail"))


def pool() -> dict[str, Candidate]:
    """Candidates of every kind that decide themselves fast."""
    hostile = ("exit in the function", "shadowed Vec", "equal to everything", "left dangling cfg", "exported assert_eq")
    codes = {"right": RIGHT, "wrong": WRONG, **BROKEN, **HONEST, **{name: CHEATS[name] for name in hostile}}
    codes["recursion"] = BOMBS["endless recursion"][0]
    return {name: candidate(code, name, prelude=PRELUDE) for name, code in codes.items()}


@pytest.fixture(scope="module")
def alone(judge: Judge) -> dict[str, Verdict]:
    return {name: judge.judge([one])[0] for name, one in pool().items()}


@pytest.mark.parametrize("name", HONEST)
def test_honest_code_passes(alone: dict[str, Verdict], name: str) -> None:
    assert alone[name].status == "passed", alone[name]


@pytest.mark.parametrize("name", BROKEN)
def test_broken_code_does_not_compile(alone: dict[str, Verdict], name: str) -> None:
    assert (alone[name].status, alone[name].compiles) == ("compile_error", False), alone[name]
    assert alone[name].errors


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
@given(names=st.lists(st.sampled_from(sorted(pool())), min_size=2, max_size=24))
def test_company_changes_no_verdict_and_no_order(judge: Judge, alone: dict[str, Verdict], names: list[str]) -> None:
    verdicts = judge.judge([pool()[name] for name in names])
    assert [verdict.id for verdict in verdicts] == names
    assert [timeless(verdict) for verdict in verdicts] == [timeless(alone[name]) for name in names]


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_mutated_references_get_a_verdict(judge: Judge, data: st.DataObject) -> None:
    mutants = []
    for number in range(8):
        start = data.draw(st.integers(0, len(RIGHT)))
        end = data.draw(st.integers(start, len(RIGHT)))
        text = data.draw(st.text(alphabet="(){}[]<>\"'/*#!;:&|abc0 \n\\\ud800é", max_size=6))
        mutants.append(candidate(RIGHT[:start] + text + RIGHT[end:], str(number)))
    assert all(verdict.status != "infrastructure" for verdict in judge.judge(mutants))


def test_what_is_judged_in_a_crate_gets_no_verdict_without_it(judge: Judge) -> None:
    inside = Candidate(
        id="one", code="fn a() {}", tests="", entry_point="a", covering=CoveringTests(tests=("tests::a",))
    )
    (verdict,) = judge.judge([inside])
    assert verdict.status == "infrastructure"


def test_lints_are_the_candidates_own(judge: Judge) -> None:
    dirty = "    return xs.into_iter().map(|x| x * 2).collect();\n"
    loud = RIGHT.replace("    xs.into_iter().map(|x| x * 2).collect()\n", dirty)
    silenced = "#![allow(clippy::all, warnings)]\n" + loud
    hidden = "#[cfg_attr(not(clippy), allow(unused))]\n#[allow(clippy::needless_return)]\n" + loud
    first, second, third, clean = judge.judge([candidate(code, "x") for code in (loud, silenced, hidden, RIGHT)])
    assert [verdict.lints for verdict in (first, second, third)] == [("clippy::needless_return",)] * 3
    assert clean.clippy_clean is True


def test_what_the_problem_supplies_raises_no_lint(judge: Judge) -> None:
    prelude = "use std::{ascii::AsciiExt, cmp::{max, self}, collections::HashMap};\n"
    signature = "fn total(xs: &Vec<i32>) -> i32"
    code = f"{prelude}{signature} {{\n    xs.iter().sum()\n}}\n"
    tests = "#[test]\nfn adds() {\n    assert_eq!(total(&vec![1, 2]), 3);\n}\n"
    given_ = Candidate(id="g", code=code, tests=tests, entry_point="total", signature=signature, prelude=prelude)
    verdict = judge.judge([given_])[0]
    assert (verdict.status, verdict.lints) == ("passed", ())


HIDDEN = {
    "a function of the module above the root": "pub(super) fn one() -> i32 { 1 }",
    "a private field": "mod a { #[derive(Default)] pub struct S { x: i32 } } fn one() -> i32 { a::S::default().x + 1 }",
    "a private method": "mod a { pub struct S; impl S { fn o(&self) -> i32 { 1 } } } fn one() -> i32 { a::S.o() }",
}
SEEN = {"a function of a module below": "mod a { pub(super) fn o() -> i32 { 1 } } fn one() -> i32 { a::o() }"}


def test_what_is_hidden_from_its_user_is_refused_with_lints_and_without(judge: Judge) -> None:
    tests = "#[test]\nfn t() { assert_eq!(one(), 1); }\n"
    codes = HIDDEN | SEEN
    asked = [Candidate(id=name, code=code, tests=tests, entry_point="one") for name, code in codes.items()]
    with Judge(LIMITS, workers=2, lints=False) as unlinted:
        verdicts = [{one.id: (one.status, one.errors) for one in some.judge(asked)} for some in (judge, unlinted)]
    assert verdicts[0] == verdicts[1]
    expected = dict.fromkeys(HIDDEN, "compile_error") | dict.fromkeys(SEEN, "passed")
    assert {name: status for name, (status, _) in verdicts[1].items()} == expected


@pytest.mark.parametrize(
    ("code", "relies"),
    [
        *((code, True) for code in (HIDDEN | SEEN).values()),
        ("struct S(pub(super) i32);", True),
        ("pub ( in crate::a ) fn one() {} mod a {}", True),
        ("macro_rules! m { ($n:ident) => { pub(super) fn $n() -> i32 { 1 } } } m!(one);", True),
        ("macro_rules! m { () => { mod a { pub struct S { x: i32 } } } } m!();", True),
        ("macro_rules! one { () => { 1 } } fn two() -> i32 { crate::one!() }", True),
        ("pub(crate) fn one() {} pub(self) fn two() {} pub struct S(pub(crate) i32);", False),
        (RIGHT + "#[cfg(test)] mod tests { use super::*; #[test] fn t() { double(vec![]); } }", False),
    ],
)
def test_a_candidate_without_modules_of_its_own_is_compiled_once(code: str, relies: bool) -> None:
    assert CandidateSource(code).relies_on_privacy is relies


def test_no_tool_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    from rustml.judge.rust import toolchain

    monkeypatch.setattr("rustml.sandbox.bubblewrap.shutil.which", lambda name: None if name == "bwrap" else name)
    with pytest.raises(SandboxUnavailable, match="apt-get install bubblewrap"):
        Judge(LIMITS)
    monkeypatch.setattr("rustml.judge.rust.toolchain.shutil.which", lambda _: None)
    toolchain.find.cache_clear()
    try:
        with pytest.raises(EnvironmentFault, match="cargo"):
            Judge(LIMITS)
    finally:
        toolchain.find.cache_clear()


def test_without_a_sandbox_every_verdict_says_so() -> None:
    with Judge(LIMITS, workers=1, sandbox="none", lints=False) as judge:
        verdict = judge.judge([candidate(RIGHT)])[0]
    assert (verdict.status, verdict.sandbox, verdict.clippy_clean) == ("passed", "none", None)


def test_nothing_to_judge(judge: Judge) -> None:
    assert judge.judge([]) == []


SHAPE_TESTS = "#[test]\nfn t() {\n    assert_eq!(shape(2), Shape::Square(4));\n}\n"
SHAPE = "%s pub enum Shape { Square(i32) }\npub fn shape(n: i32) -> Shape { Shape::Square(n * %d) }\n"


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (SHAPE % ("#[derive(Debug, PartialEq)]", 2), "passed"),
        (SHAPE % ("#[derive(Debug, PartialEq)]", 3), "wrong"),
        (SHAPE % ("impl PartialEq for Shape { fn eq(&self, _: &Shape) -> bool { true } }", 3), "policy"),
        (
            "use std::cmp::PartialEq as P; impl P for Shape { fn eq(&self, _: &Shape) -> bool { true } }"
            + SHAPE % ("", 3),
            "policy",
        ),
    ],
)
def test_a_type_that_the_tests_compare_has_to_derive_its_equality(judge: Judge, code: str, status: str) -> None:
    one = Candidate(id="s", code=code, tests=SHAPE_TESTS, entry_point="shape", signature="fn shape(n: i32) -> Shape")
    assert judge.judge([one])[0].status == status


def test_a_program_may_need_another_library_than_the_one_before() -> None:
    """The first program's libraries once were all that any later program saw."""
    root = RIGHT.replace("x * 2", "(f64::from(x).powf(1.5).cbrt().powi(2) * 2.0).round() as i32")
    tests = "#[test]\nfn t() {\n    assert_eq!(double(vec![4]), vec![8]);\n}\n"
    with Judge(LIMITS, workers=1, lints=False) as judge:
        assert judge.judge([candidate(RIGHT)])[0].status == "passed"
        assert judge.judge([candidate(root, tests=tests)])[0].status == "passed"
