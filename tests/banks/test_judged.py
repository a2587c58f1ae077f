"""References through the real judge: the tiny families', and the public banks' where their data is on this machine."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rustml.banks import load_bank
from rustml.banks.build import _candidate
from rustml.banks.families import FAMILIES, draw
from rustml.judge import Judge, Limits
from rustml.records import Problem, Verdict


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(Limits(run_seconds=120.0, cpu_seconds=60.0), lints=True) as opened:
        yield opened


def _failures(problems: Sequence[Problem], verdicts: Sequence[Verdict]) -> list[str]:
    judgements = zip(problems, verdicts, strict=True)
    return [f"{problem.id}: {v.status} {v.detail}" for problem, v in judgements if v.status != "passed"]


def test_a_reference_of_every_family_passes_in_both_languages_and_rust_is_lint_free(judge: Judge) -> None:
    count = len(FAMILIES)
    rust, python = draw("rust", "test", count, 23), draw("python", "test", count, 23)
    assert {problem.tags["family"] for problem in rust} == set(FAMILIES)
    verdicts = judge.judge([_candidate(problem) for problem in (*rust, *python)])
    assert not _failures([*rust, *python], verdicts)
    assert not [verdict.lints for verdict in verdicts[:count] if not verdict.clippy_clean]


@pytest.fixture(scope="module")
def data() -> Path:
    folder = os.environ.get("RUSTML_BENCHMARK_DATA")
    if folder is None:
        pytest.skip("RUSTML_BENCHMARK_DATA is unset: it names the folder with the public banks' files")
    return Path(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "file", "count"),
    [
        ("humaneval", "HumanEval.jsonl.gz", 164),
        ("mbpp", "mbpp.jsonl", 974),
        ("humaneval-x-rust", "humaneval_x_rust.jsonl.gz", 158),
    ],
)
def test_every_reference_of_a_public_bank_passes(data: Path, judge: Judge, name: str, file: str, count: int) -> None:
    bank = load_bank(name, data / file)
    assert len(bank.problems) == count
    assert not _failures(bank.problems, judge.judge([_candidate(problem) for problem in bank.problems]))
