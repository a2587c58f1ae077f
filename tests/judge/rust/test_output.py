"""What a verdict says to who repairs the code, where the candidate asks for it."""

from collections.abc import Iterator

import msgspec
import pytest

from rustml.judge import Judge, Limits
from rustml.judge.rust.failures import COLUMNS, LINES, shown
from rustml.records import Candidate, Verdict

TESTS = """use shapes::{area, side};

#[test]
fn knows_the_area() {
    assert_eq!(area(3), 9);
}

#[test]
fn knows_the_side() {
    assert_eq!(side(9), 3);
}
"""
RIGHT = "pub fn area(x: u32) -> u32 {\n    x * x\n}\n\npub fn side(x: u32) -> u32 {\n    x.isqrt()\n}\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(Limits(), workers=1, lints=False) as made:
        yield made


def candidate(name: str, code: str, *, explained: bool = True) -> Candidate:
    return Candidate(id=name, code=code, tests=TESTS, entry_point="shapes", explained=explained)


def test_output_holds_the_compilers_text_or_the_tests_that_did_not_pass(judge: Judge) -> None:
    codes = {
        "right": RIGHT,
        "mistyped": RIGHT.replace("x * x", "x * 1.5"),
        "wrong": RIGHT.replace("x * x", "x + x"),
        "panicking": RIGHT.replace("x.isqrt()", "panic!()"),
        "missing": RIGHT.replace("side", "edge"),
    }
    verdicts = judge.judge([candidate(name, code) for name, code in codes.items()])
    output = {verdict.id: verdict.output for verdict in verdicts}
    assert output["right"] is msgspec.UNSET
    assert "error[E0277]: cannot multiply `u32` by `{float}`" in str(output["mistyped"])
    assert "candidate.rs:2" in str(output["mistyped"])
    assert "x * 1.5" in str(output["mistyped"])
    assert str(output["wrong"]).splitlines()[0] == "test knows_the_area did not pass"
    assert "assert_eq!(area(3), 9)" in str(output["wrong"])
    assert "side(9)" not in str(output["wrong"])
    assert "test knows_the_side did not pass" in str(output["panicking"])
    assert "side" in str(output["missing"])
    for text in output.values():
        assert "/s/" not in str(text)


def test_a_verdict_that_nobody_asked_to_explain_has_no_output(judge: Judge) -> None:
    (verdict,) = judge.judge([candidate("quiet", RIGHT.replace("x * x", "x * 1.5"), explained=False)])
    assert verdict.status == "compile_error"
    assert verdict.output is msgspec.UNSET
    assert b"output" not in msgspec.json.encode(verdict)
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_output_is_cut_and_without_names_that_the_judge_made_up() -> None:
    name = "m" + "0" * 24
    text = shown([f"error in {name}::f\n --> /s/a.b/{name}.rs:3:1", *["x" * 500] * 100])
    lines = text.splitlines()
    assert lines[:2] == ["error in candidate::f", " --> candidate.rs:3:1"]
    assert len(lines) == LINES + 1
    assert lines[-1] == "... 52 more lines"
    assert max(map(len, lines)) <= COLUMNS
