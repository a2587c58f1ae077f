"""CRUXEval-X in Rust: rows in upstream's form, written here; the answer is an expression, judged by the function."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rustml.banks import load_bank
from rustml.banks.bank import Bank
from rustml.errors import InputError
from rustml.evaluation.suites import predictions
from rustml.judge import Judge, Limits
from rustml.records import candidate_of

OUTPUT, INPUT = "cruxeval-x-rust-output", "cruxeval-x-rust-input"


def row(number: int, function: str, arguments: str, result: str) -> dict[str, Any]:
    def main(given: str, gives: str) -> str:
        return f"fn main() {{\n    let candidate = f;\n    assert_eq!(candidate({given}), {gives});\n}}\n"

    return {
        "id": number,
        "code": f"{function}\n\n{main(arguments, result)}",
        "input_reasoning": "}\n\n" + main("????", result),
        "output_reasoning": "}\n\n" + main(arguments, "????"),
    }


DOUBLED = "fn f(mut xs: Vec<isize>, by: usize) -> Vec<isize> {\n    xs.push(by as isize);\n    xs\n}"
COUNTED = (
    "use std::collections::HashMap;\n\nfn f(text: &str) -> HashMap<char, isize> {\n"
    "    text.chars().map(|c| (c, 1)).collect()\n}"
)
ROWS = [
    row(3, DOUBLED, "vec![1, 2], 7", "vec![1, 2, 7]"),
    row(5, COUNTED, '"ab"', "HashMap::from([('a', 1), ('b', 1)])"),
    row(8, "fn f(x: isize) -> (isize, String) {\n    (x, x.to_string())\n}", "4", '(4, String::from("4"))'),
]


def bank(name: str, tmp_path: Path, *rows: dict[str, Any]) -> Bank:
    path = tmp_path / "rs.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in rows or ROWS))
    return load_bank(name, path)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(Limits(), workers=1, lints=False) as made:
        yield made


def test_the_question_has_the_function_and_the_assertion_with_its_hole(tmp_path: Path) -> None:
    problem = bank(OUTPUT, tmp_path).problems[0]
    assert "assert_eq!(candidate(vec![1, 2], 7), ????);" in problem.instruction
    assert "vec![1, 2, 7]" not in problem.instruction
    assert problem.reference == "fn answer() -> Vec<isize> {\n    vec![1, 2, 7]\n}\n"
    asked = bank(INPUT, tmp_path).problems[0]
    assert "assert_eq!(candidate(????), vec![1, 2, 7]);" in asked.instruction
    assert asked.signature == "fn answer() -> (Vec<isize>, usize,)"
    assert not asked.trainable


@pytest.mark.parametrize("name", [OUTPUT, INPUT])
def test_the_judge_passes_every_reference_and_fails_another_value(judge: Judge, tmp_path: Path, name: str) -> None:
    problems = bank(name, tmp_path).problems
    right = [candidate_of(problem, problem.reference, problem.id) for problem in problems]
    wrong = [
        candidate_of(problem, problem.reference.replace("2", "9").replace("'a'", "'z'").replace('"ab"', '"b"'), "w")
        for problem in problems[:2]
    ]
    assert [verdict.status for verdict in judge.judge([*right, *wrong])] == ["passed"] * 3 + ["wrong"] * 2


def test_an_answer_is_the_expression_of_the_last_block(tmp_path: Path) -> None:
    problem = bank(INPUT, tmp_path).problems[0]
    given = predictions.code(problem, "It appends, so:\n```rust\nvec![1, 2], 7;\n```")
    assert given == problem.reference
    assert predictions.code(problem, "vec![1, 2], 7") == problem.reference
    other = bank(OUTPUT, tmp_path).problems[2]
    assert predictions.code(other, '```\n(4, String::from("4"))\n```') == other.reference


@pytest.mark.parametrize(
    "text",
    ["f(vec![1, 2], 7)", "candidate(vec![1], 2)", "vec![1", "1); panic!(", "let x = 1; x", "", "answer()", "'"],
)  # fmt: skip
def test_an_answer_that_calls_the_function_or_is_not_one_expression_is_none(tmp_path: Path, text: str) -> None:
    assert predictions.code(bank(OUTPUT, tmp_path).problems[0], f"```rust\n{text}\n```") is None


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        ("fn f<T: Clone>(x: T) -> T {\n    x\n}", "T"),
        ("fn f(x: &mut isize) -> isize {\n    *x\n}", "&mut isize"),
        ("fn f(x: impl Iterator<Item = u8>) -> usize {\n    x.count()\n}", "impl Iterator<Item = u8>"),
    ],
)
def test_types_that_no_answer_can_have_are_excluded_with_the_reason(tmp_path: Path, function: str, kind: str) -> None:
    made = bank(INPUT, tmp_path, *ROWS, row(9, function, "1", "1"))
    assert made.excluded == {"CRUXEval-X/9/input": f"an answer of the type `{kind}` cannot be given"}
    assert len(made.problems) == 3


@pytest.mark.parametrize("column", ["id", "code", "input_reasoning", "output_reasoning"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    bad = {key: value for key, value in ROWS[0].items() if key != column}
    with pytest.raises(InputError, match=rf"rs\.jsonl, line 1: .*`{column}`"):
        bank(OUTPUT, tmp_path, bad)


@pytest.mark.parametrize(
    "masked", ["fn main() {}", "assert_eq!(candidate(????), ????);", "}\n\nfn main() {\n    other(????)\n}\n", ""]
)
def test_a_hole_that_does_not_fit_the_code_is_refused(tmp_path: Path, masked: str) -> None:
    with pytest.raises(
        InputError, match=r"line 1: `output_reasoning` is not the end of `code` with one \?\?\?\? in it"
    ):
        bank(OUTPUT, tmp_path, {**ROWS[0], "output_reasoning": masked})


def test_code_without_the_function_and_two_rows_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: `code` declares no function `f`"):
        bank(OUTPUT, tmp_path, row(1, "struct F;", "1", "1"))
    with pytest.raises(InputError, match="two problems have the id CRUXEval-X/3/output"):
        bank(OUTPUT, tmp_path, ROWS[0], ROWS[0])
