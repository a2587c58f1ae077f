"""Mutants: each kind changes one place of a body, and what a function lacks is not changed."""

from pathlib import Path

import pytest

from rustml.edits.mutants import mutants, unwrapped, without_lifetimes
from rustml.edits.targets import Target
from rustml.records import Origin, SourceFile
from rustml.rust.functions import parse


def target(code: str) -> Target:
    file = parse(code)
    assert file is not None
    origin = Origin(kind="crate", name="c", licence="MIT", version="1.0.0", path="src/lib.rs")
    return Target(SourceFile(origin=origin, text=code), file.functions[0], Path())


@pytest.mark.parametrize(
    ("name", "body", "mutant"),
    [
        ("mut_left_out", "let mut a = 1; a += 1; drop(a);", "let a = 1; a += 1; drop(a);"),
        ("reference_left_out", "g(&x);", "g(x);"),
        ("question_mark_left_out", "g()?;", "g();"),
        ("conversion_left_out", "g(x.clone());", "g(x);"),
        ("cast_left_out", "g(x as u64);", "g(x);"),
        ("constructor_left_out", "let a = Some(1);", "let a = 1;"),
        ("dereference_left_out", "g(*x);", "g(x);"),
        ("semicolon_after_value", "g(); x", "g(); x;"),
        ("move_left_out", "g(move || x);", "g(|| x);"),
        ("arguments_swapped", "g(x, 1);", "g(1, x);"),
    ],
)
def test_each_kind_changes_its_place(name: str, body: str, mutant: str) -> None:
    assert dict(mutants(target(f"fn f() {{ {body} }}")))[name] == f"fn f() {{ {mutant} }}"


def test_the_commonest_kind_comes_last() -> None:
    assert [name for name, _ in mutants(target("fn f() -> u8 { g(&x); *a }"))][-1] == "semicolon_after_value"


def test_a_body_without_a_place_has_no_mutant() -> None:
    assert not list(mutants(target("fn f() {\n    g();\n}")))


def test_the_order_of_kinds_depends_on_the_function() -> None:
    codes = [f"// {'x' * number}\nfn f() {{ let mut a = g(&x)?; a += 1; *a }}" for number in range(8)]
    assert len({next(mutants(target(code)))[0] for code in codes}) > 1


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("fn f() -> R { g()?; Ok(h()?) }", "fn f() -> R { g().unwrap(); Ok(h().unwrap()) }"),
        ("fn f() -> R { g()?; h().unwrap() }", ""),
        ("fn f() -> R { g() }", ""),
    ],
)
def test_errors_are_unwrapped_where_nothing_else_panics(code: str, before: str) -> None:
    assert unwrapped(target(code)) == before


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("fn f<'a>(x: &'a str, y: &'a str) -> &'a str { x }", "fn f(x: &str, y: &str) -> &str { x }"),
        ("fn f<'a, T>(x: &'a mut T) -> P<'a, T> { x }", "fn f<T>(x: &mut T) -> P<T> { x }"),
        ("fn f<'a>(x: &'a str) -> P<'a> { x }", "fn f(x: &str) -> P { x }"),
        ("fn f<'a>(x: &'a str) -> &'static str { x }", "fn f(x: &str) -> &'static str { x }"),
        ("fn f<'a>(x: &'a str) { let y: &'a str = x; }", ""),
        ("fn f<'a, 'b: 'a>(x: &'b str) -> &'a str { x }", ""),
        ("fn f(x: &str) -> &str { x }", ""),
        ("fn f<'b, T: A<'a>>(x: &'b T) -> B<'a, 'b> { x }", "fn f<T: A<'a>>(x: &T) -> B<'a> { x }"),
    ],
)
def test_a_signature_loses_the_lifetimes_that_it_declares(code: str, before: str) -> None:
    assert without_lifetimes(target(code)) == before
