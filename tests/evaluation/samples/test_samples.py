"""Any file of samples is read, filtered and summed up; rates are given with and without what is set aside."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import InputError
from rustml.evaluation.samples.sample_file import Sample, code_of, read_samples
from rustml.evaluation.samples.sample_filter import SampleFilter
from rustml.evaluation.samples.sample_report import error_table, judge_samples, lint_table, metrics
from rustml.records import Candidate, Diagnostic, Verdict
from rustml.testing import FakeJudge, make_verdict

MAIN = "/// Runs.\nfn main() {\n    println!();\n}\n"
FUNCTION = "pub fn f(x: Option<u8>) -> u8 {\n    match x {\n        Some(y) => y,\n        None => 0,\n    }\n}\n"


def written(path: Path, *rows: dict[str, Any]) -> Path:
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def test_the_answer_is_found_in_what_others_call_it(tmp_path: Path) -> None:
    path = written(
        tmp_path / "samples.jsonl",
        {"task_id": "a/1", "completion": MAIN, "prompt": "Run."},
        {"task_id": "a/1", "generated_code": FUNCTION},
        {"text": f"Here:\n```rust\n{MAIN}```\n"},
        {"id": "none", "code": None, "completion": "no code"},
        {"id": 7, "response": "```rust\nfn broken("},
    )
    samples = read_samples(path)
    assert [sample.id for sample in samples] == ["a/1", "a/1#2", "3", "none", "7"]
    assert [sample.code for sample in samples] == [MAIN, FUNCTION, MAIN, None, None]
    assert samples[0].prompt == "Run."
    zipped = written(tmp_path / "samples.jsonl.gz", {"mine": MAIN, "code": FUNCTION})
    assert [sample.code for sample in read_samples(zipped, "mine")] == [MAIN]


@pytest.mark.parametrize(
    ("rows", "column", "message"),
    [
        ([], "", "holds no sample"),
        ([{"completion": MAIN}, {"other": 1}], "", "line 2: no column for the answer: `code`, `completion`"),
        ([{"completion": MAIN}], "mine", "line 1: no column for `mine`; it has 'completion'"),
        ([{"completion": [MAIN]}], "", "line 1: `completion` is list, not text"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(
    rows: list[dict[str, Any]], column: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"samples\.jsonl") as refusal:
        read_samples(written(tmp_path / "samples.jsonl", *rows), column)
    assert message in str(refusal.value)


@given(st.lists(st.sampled_from(["a", "a#2", "a#3", "b", ""]), min_size=1, max_size=12))
def test_every_sample_has_an_id_of_its_own(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    path = tmp_path_factory.mktemp("samples") / "samples.jsonl"
    samples = read_samples(written(path, *({"id": name, "code": MAIN} for name in names)))
    assert len({sample.id for sample in samples}) == len(names)


@given(st.text())
def test_any_answer_gives_code_or_none(answer: str) -> None:
    code = code_of(answer)
    assert code is None or code.strip() or "```" in answer or "~~~" in answer


@pytest.mark.parametrize(
    ("sample_filter", "code", "reason"),
    [
        (SampleFilter(), None, "no_code"),
        (SampleFilter(), "x", None),
        (SampleFilter(min_characters=5), "fn f", "short"),
        (SampleFilter(min_lines=4), "fn f() {\n\n   \n}\n", "few_lines"),
        (SampleFilter(min_lines=2), "fn f() {\n\n   \n}\n", None),
        (SampleFilter(complete=True), "fn f() {", "incomplete"),
        (SampleFilter(complete=True), 'fn f() { "', "incomplete"),
        (SampleFilter(complete=True), MAIN, None),
        (SampleFilter(main=True), "// fn main\nfn f() {}\n", "no_main"),
        (SampleFilter(main=True), MAIN, None),
    ],
)
def test_the_filter_says_why(sample_filter: SampleFilter, code: str | None, reason: str | None) -> None:
    assert sample_filter.reason(Sample(id="s", code=code)) == reason


def decided(candidate: Candidate) -> Verdict:
    if "broken" in candidate.code:
        verdict = make_verdict("", "compile_error")
        return Verdict(**{**fields(verdict), "errors": (Diagnostic("E0308", "x"), Diagnostic("", "y"))})
    counts = {"clippy::needless_return": 3} if "return" in candidate.code else {}
    verdict = make_verdict("", "untested", clippy_clean=not counts, lints=tuple(counts))
    return Verdict(**{**fields(verdict), "lint_counts": counts})


def fields(verdict: Verdict) -> dict[str, Any]:
    return {name: getattr(verdict, name) for name in verdict.__struct_fields__}


SAMPLES = [
    Sample(id="1", code=MAIN, prompt="please println"),
    Sample(id="2", code="pub fn f() -> u8 {\n    return 1;\n}\n"),
    Sample(id="3", code="fn broken("),
    Sample(id="4", code=None),
]


def test_both_rates_are_given_and_nothing_has_tests() -> None:
    judge = FakeJudge(decided)
    judged = judge_samples(judge, SAMPLES, SampleFilter(complete=True), "2021")
    assert [one.tests for one in judge.judged] == [""] * 3
    numbers = metrics(judged)
    assert (numbers["samples"], numbers["format_rate"], numbers["compile_rate"]) == (4, 0.75, 0.5)
    assert (numbers["filtered.samples"], numbers["filtered.compile_rate"]) == (2, 1.0)
    assert (numbers["clippy_clean_rate"], numbers["filtered.clippy_clean_rate"]) == (0.25, 0.5)
    assert numbers["mean_lints"] == 1.5
    assert (numbers["set_aside_incomplete"], numbers["set_aside_no_code"]) == (1, 1)
    assert (numbers["parse_rate"], numbers["filtered.documentation_rate"]) == (2 / 3, 0.5)
    assert lint_table(judged) == [{"lint": "clippy::needless_return", "raised": 3, "samples": 1}]
    assert error_table(judged) == [{"error": "E0308", "samples": 1}, {"error": "syntax", "samples": 1}]


def test_a_fault_of_the_judge_is_counted_and_lets_nothing_compile() -> None:
    judged = judge_samples(FakeJudge("infrastructure"), SAMPLES[:1], SampleFilter(), "2021")
    assert (metrics(judged)["faults"], metrics(judged)["compile_rate"]) == (1, 0)


def test_where_all_is_set_aside_only_counts_are_given() -> None:
    numbers = metrics(judge_samples(FakeJudge(decided), SAMPLES[3:], SampleFilter(), "2021"))
    assert (numbers["filtered.samples"], numbers["compile_rate"]) == (0, 0)
    assert "filtered.compile_rate" not in numbers
