"""Bodies that need no thought, and mutants."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.mining.variants import Body
from rustml.rust.functions import parses

LARGER = Body("pub fn larger(a: u32, b: u32) -> u32 {\n    if a < b { b + 0 } else { a.max(b) }\n}\n")


def test_trivial_bodies_are_defaults_and_the_first_argument() -> None:
    bodies = list(LARGER.trivial())
    assert any("{ Default::default() }" in body for body in bodies)
    assert any("{ a }" in body for body in bodies)


def test_a_predicate_is_also_tried_with_true() -> None:
    assert any("{ true }" in body for body in Body("fn is_even(n: u8) -> bool { n % 2 == 0 }").trivial())


def test_a_method_gives_itself_back() -> None:
    method = Body("impl Limit {\n    pub fn doubled(self) -> Limit { Limit { top: self.top * 2 } }\n}\n")
    assert any("{ self }" in body for body in method.trivial())


@pytest.mark.parametrize("change", ["a <= b", "b - 0", "b + 1", "a.min(b)", "!(a < b)"])
def test_mutants_change_operators_literals_methods_and_conditions(change: str) -> None:
    assert any(change in mutant for mutant in LARGER.mutants(100))


def test_in_a_file_all_functions_change_together_and_mutants_are_of_any() -> None:
    file = Body("pub fn one() -> u8 { 1 }\n\nimpl P { fn two(&self) -> u8 { fn inner() -> u8 { 3 } inner() } }\n")
    assert file.with_block("{ todo!() }").count("{ todo!() }") == 2
    assert any("{ 2 }" in mutant for mutant in file.mutants(100))
    assert any("{ 4 }" in mutant for mutant in file.mutants(100))


def test_mutants_leave_values_and_branches_out() -> None:
    code = "fn f(a: u32) -> P { if a > 3 { g(a) } else { match a { 1 => P { a }, _ => P { a: a + 1 } } } }"
    mutants = Body(code).mutants(100)
    changes = [
        "if a > 3 { todo!() }", "else { todo!() }", "1 => { todo!() }", "g(Default::default())",
        "P { a: Default::default() }, _", "_ => P { a: Default::default() }",
    ]  # fmt: skip
    assert [change for change in changes if not any(change in mutant for mutant in mutants)] == []
    assert all(map(parses, mutants))


def test_mutants_are_the_same_each_time_and_no_more_than_asked() -> None:
    assert LARGER.mutants(3) == LARGER.mutants(3)
    assert len(LARGER.mutants(3)) == 3


def test_no_mutant_is_the_function_itself() -> None:
    assert LARGER.code not in LARGER.mutants(100)


@given(st.sampled_from(["+", "-", "*", "<", "==", "&&"]), st.integers(0, 99))
def test_mutants_still_parse(operator: str, number: int) -> None:
    body = Body(f"fn f(a: u32, b: u32) -> bool {{ let c = a {operator} {number}; g(a, b); c.any(b) }}")
    assert all(parses(mutant) for mutant in body.mutants(50))
