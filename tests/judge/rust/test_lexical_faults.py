"""Code that does not lex: the compiler is asked once for each class, and what it said goes to the others."""

from typing import Any

import msgspec
import pytest

from rustml.judge import Judge
from rustml.judge.rust.batch import Batch
from rustml.judge.rust.compiler import Compiler
from rustml.judge.rust.crate_layout import Member
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.lexical_fault import LONGEST, lexical_fault
from rustml.records import Candidate, Verdict
from rustml.sandbox.processes import Completed

ALIKE = {
    "{": ("fn f() -> i32 {\n    1\n", "fn f() -> i32 { // (\n    g(2) + [1][0]\n"),
    "{(}": ("fn f() -> i32 {\n    (1 + 2\n}\n", "fn f() -> i32 { h('(', vec![1]; }\nfn g<'a>(x: &'a str) {}\n"),
    "{{)}}": ("fn f() { if true { 1) } }", "fn f() { loop { g(1, 2)); }\n}\n"),
    "{)}": ("fn f() -> i32 { 1) }", "fn f() -> i32 { 2.5_0 as i32) }"),
    '{"': ('fn f() { "a }', 'fn f() { let x = "a"; " } ( ] }'),
}


def candidate(code: str, **fields: object) -> Candidate:
    tests = "#[test]\nfn one() {\n    assert_eq!(f(), 1);\n}\n"
    return msgspec.structs.replace(Candidate(id="", code=code, tests=tests, entry_point="f"), **fields)


def timeless(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, seconds={})


@pytest.mark.parametrize(("kind", "texts"), ALIKE.items())
def test_a_class_is_compiled_once_and_its_verdict_is_the_compilers_on_each(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, kind: str, texts: tuple[str, str]
) -> None:
    assert [lexical_fault(CandidateSource(text)) for text in texts] == [kind, kind]
    compiled = []
    library = Compiler.library

    def counted(*given: Any) -> Completed:
        compiled.append(given)
        return library(*given)

    monkeypatch.setattr(Compiler, "library", counted)
    for text in texts:
        (verdict,) = judge.judge([candidate(text)])
        assert verdict.status == "compile_error"
    assert len(compiled) <= 1
    member = judge._settler.prepare(candidate(texts[1]))
    assert isinstance(member, Member)
    (told,) = Batch([member], judge._settler._tools).verdicts().values()
    assert timeless(verdict) == timeless(told)


@pytest.mark.parametrize(
    "text",
    [
        "fn f() -> i32 { 1 }",
        'fn f() { b"a',
        'fn f() { to"a" ( }',
        "fn f() { 'ab' ( }",
        "fn f() { 0x ( }",
        "fn f() { 1e ( }",
        'fn f() { "a"_ ( }',
        "fn f() { r#type ( }",
        "fn f() { \\ ( }",
        "fn f() { é ( }",
        "fn f() { /* ( }",
        "<<<<<<< HEAD\nfn f() {",
        "---\nfn f() {",
        f"fn f() {{ {'(' * 20}",
        f"fn f() {{ {' ' * LONGEST}",
    ],
)
def test_code_of_which_rustc_may_say_something_else_has_no_class(text: str) -> None:
    assert not lexical_fault(CandidateSource(text))


def test_an_explanation_shows_the_code_itself(judge: Judge) -> None:
    codes = ["fn f() -> i32 {\n    first(\n}\n", "fn f() -> i32 {\n    second(\n}\n"]
    explained = judge.judge([candidate(code, explained=True) for code in codes])
    assert ["first(" in str(explained[0].output), "second(" in str(explained[1].output)] == [True, True]
