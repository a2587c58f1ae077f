"""The bank stage: what it writes, what it refuses, what it drops and says so."""

import hashlib
import json
import re
from pathlib import Path

import msgspec
import pytest

from rustml.banks import build
from rustml.banks.families import draw
from rustml.covering_tests import CoveringTests
from rustml.errors import InputError, JudgeFault, RustmlError
from rustml.profile.bank import BankSection
from rustml.records import Candidate, Problem, Status, Verdict, read_jsonl
from rustml.stages.protected_texts import protected
from rustml.testing import FakeJudge, make_verdict
from rustml.training.sources import trainable_problems
from tests.support.sections import bank_section

COUNTS = {"rust_train": 12, "rust_dev": 3, "rust_test": 3, "python_train": 30, "python_dev": 3, "python_test": 3}
SECTION = bank_section(families=("clamp", "if_label", "filter_map_sum"), **COUNTS)


def failing(status: Status = "passed", of: str = "", clean: bool | None = True) -> FakeJudge:
    """A judge that passes every candidate but those with `of` in their id."""

    def decide(candidate: Candidate) -> Verdict:
        chosen = of in candidate.id
        return make_verdict(
            candidate.id,
            status if chosen else "passed",
            clippy_clean=clean if chosen else True,
            lints=("clippy::x",),
            detail="as told",
        )

    return FakeJudge(decide)


def test_files_hold_the_drawn_problems_and_the_report_counts_them(tmp_path: Path) -> None:
    report = build(SECTION, 5, tmp_path, failing())
    for language in ("rust", "python"):
        for split in ("train", "dev", "test"):
            stem = f"{language}-{split}"
            problems = list(read_jsonl(tmp_path / f"{stem}.jsonl", Problem))
            assert problems == draw(language, split, report.counts[stem], 5, SECTION.families)
            assert report.digests[stem] == hashlib.sha256((tmp_path / f"{stem}.jsonl").read_bytes()).hexdigest()
            assert sum(report.families[stem].values()) == report.counts[stem]
    assert report.difficulties["rust-train"] == {"easy": 4, "hard": 4, "medium": 4}


def test_every_rust_reference_is_judged_once_and_no_python_training_problem(tmp_path: Path) -> None:
    judge = failing()
    shown: list[tuple[int, int]] = []
    report = build(SECTION, 5, tmp_path, judge, lambda done, total: shown.append((done, total)))
    assert report.judged == len(judge.judged) == 24
    assert not [candidate for candidate in judge.judged if candidate.id.startswith("tiny/python/train")]
    assert shown[-1] == (24, 24)


@pytest.mark.parametrize("status", ["wrong", "compile_error", "run_timeout", "policy", "format"])
def test_a_reference_of_a_family_that_does_not_pass_stops_the_stage(tmp_path: Path, status: Status) -> None:
    with pytest.raises(RustmlError, match=rf"tiny/rust/train/clamp-\w+ \({status}\)"):
        build(SECTION, 5, tmp_path, failing(status, of="rust/train/clamp"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("clean", [False, None])
def test_a_reference_with_a_lint_or_judged_without_lints_stops_the_stage(tmp_path: Path, clean: bool | None) -> None:
    with pytest.raises(RustmlError, match="not lint-free"):
        build(SECTION, 5, tmp_path, failing(of="rust/dev", clean=clean))


def test_a_fault_of_the_judge_is_no_verdict_on_a_reference(tmp_path: Path) -> None:
    with pytest.raises(JudgeFault, match="as told"):
        build(SECTION, 5, tmp_path, failing("infrastructure", of="python/test"))


def _problem(number: int, **changes: object) -> dict[str, object]:
    return {
        "id": f"team/{number}",
        "bank": "team",
        "split": "test",
        "language": "rust",
        "instruction": "Return a number.",
        "entry_point": "one",
        "signature": "fn one() -> i64",
        "reference": f"fn one() -> i64 {{\n    {number}\n}}\n",
        "tests": f"#[test]\nfn t() {{\n    assert_eq!(one(), {number});\n}}\n",
        "licence": "MIT",
        **changes,
    }


def _with_benchmark(tmp_path: Path, *problems: dict[str, object]) -> BankSection:
    path = tmp_path / "team.jsonl"
    path.write_text("".join(json.dumps(problem) + "\n" for problem in problems))
    return msgspec.structs.replace(SECTION, benchmarks={"team": str(path)})


def test_a_benchmark_loses_and_reports_the_problems_whose_reference_fails(tmp_path: Path) -> None:
    section = _with_benchmark(tmp_path, _problem(1), _problem(2), _problem(3, split="train"))
    report = build(section, 5, tmp_path / "out", failing("wrong", of="team/2"))
    assert [entry.id for entry in report.dropped] == ["team/2"]
    assert report.dropped[0].status == "wrong"
    kept = read_jsonl(tmp_path / "out" / "team.jsonl", Problem)
    assert [problem.id for problem in kept] == ["team/1"]


def test_a_problem_without_a_reference_is_judged_by_a_stub_of_its_signature(tmp_path: Path) -> None:
    section = _with_benchmark(tmp_path, _problem(1, reference=""), _problem(2, reference=""))
    judge = failing("compile_error", of="team/2")
    report = build(section, 5, tmp_path / "out", judge)
    assert "fn one() -> i64 {\n    todo!()\n}\n" in [candidate.code for candidate in judge.judged]
    assert [entry.id for entry in report.dropped] == ["team/2"]


def test_a_problem_without_tests_stays_if_its_reference_compiles(tmp_path: Path) -> None:
    bare = {"tests": "", "entry_point": "", "signature": ""}
    section = _with_benchmark(tmp_path, _problem(1, **bare), _problem(2, **bare, reference=""), _problem(3, **bare))
    judge = FakeJudge(lambda candidate: _untested(candidate.id))
    report = build(section, 5, tmp_path / "out", judge)
    assert [candidate.code for candidate in judge.judged if candidate.id == "team/2"] == [""]
    assert [(entry.id, entry.status) for entry in report.dropped] == [("team/3", "compile_error")]


def test_a_problem_that_is_judged_in_its_crate_stays_only_if_its_reference_passes(tmp_path: Path) -> None:
    covering = {"covering": {"tests": ["tests::it"]}, "tests": ""}
    section = _with_benchmark(tmp_path, _problem(1, **covering, span=[3, 9]), _problem(2, **covering, span=[20, 40]))
    report = build(section, 5, tmp_path / "out", failing("wrong", of="team/2"))
    assert [(entry.id, entry.status) for entry in report.dropped] == [("team/2", "wrong")]
    (kept,) = read_jsonl(tmp_path / "out" / "team.jsonl", Problem)
    assert (kept.span, kept.covering) == ((3, 9), CoveringTests(tests=("tests::it",)))


def _untested(name: str) -> Verdict:
    if name == "team/3":
        return make_verdict(name, "compile_error")
    return make_verdict(name, "untested" if name.startswith("team") else "passed", clippy_clean=True)


def test_a_benchmark_that_cannot_be_read_stops_the_stage_before_anything_is_judged(tmp_path: Path) -> None:
    judge = failing()
    section = msgspec.structs.replace(SECTION, benchmarks={"mbpp": str(tmp_path / "none.jsonl")})
    with pytest.raises(InputError, match=r"none\.jsonl"):
        build(section, 5, tmp_path / "out", judge)
    assert not judge.judged


def test_a_teams_own_training_problems_get_a_file_that_can_be_trained_on(tmp_path: Path) -> None:
    section = _with_benchmark(
        tmp_path, _problem(1), _problem(2, split="train"), _problem(3, split="dev"), _problem(4, split="train")
    )
    report = build(section, 5, tmp_path / "out", failing("wrong", of="team/4"))
    ids = {path.stem: [p.id for p in read_jsonl(path, Problem)] for path in (tmp_path / "out").glob("team*.jsonl")}
    assert ids == {"team": ["team/1"], "team-train": ["team/2"], "team-dev": ["team/3"]}
    assert [problem.id for problem in report.dropped] == ["team/4"]
    assert [problem.id for problem in trainable_problems(tmp_path / "out", "team-train")] == ["team/2"]
    assert not [text for text in protected(tmp_path / "out") if text.bank == "team-train"]


def test_a_problem_of_no_file_is_reported_with_the_reason(tmp_path: Path) -> None:
    section = _with_benchmark(tmp_path, _problem(1), _problem(2, split="train", trainable=False))
    report = build(section, 5, tmp_path / "out", failing())
    assert list(report.excluded["team"]) == ["team/2"]
    assert report.metrics()["bank.left_out.excluded"] == 1
    (row,) = report.tables()["bank/excluded.json"]
    assert (row["bank"], row["id"]) == ("team", "team/2")
    assert "not trainable" in row["reason"]
    assert list(report.left_out()) == ["team: 1 problems left out", f"  1: {row['reason']}: team/2"]


@pytest.mark.parametrize("name", ["rust-train", "python-test", "team-train", "team-prompt", "../team", ""])
def test_a_benchmark_may_not_replace_another_file(tmp_path: Path, name: str) -> None:
    judge = failing()
    section = _with_benchmark(tmp_path, _problem(1))
    section = msgspec.structs.replace(section, benchmarks={**section.benchmarks, name: section.benchmarks["team"]})
    with pytest.raises(InputError, match=rf"bank\.benchmarks\.{re.escape(name)}: .*another name"):
        build(section, 5, tmp_path / "out", judge)
    assert not judge.judged
    assert not (tmp_path / "out").exists()


def test_the_report_names_what_was_left_out(tmp_path: Path) -> None:
    section = _with_benchmark(tmp_path, _problem(1), _problem(2))
    report = build(section, 5, tmp_path / "out", failing("wrong", of="team/2"))
    assert list(report.left_out()) == [
        "team: 1 problems left out",
        "  1: the reference does not pass (wrong): team/2",
    ]
    assert {row["file"] for row in report.tables()["bank/digests.json"]} == set(report.counts)
    assert sum(row["problems"] for row in report.tables()["bank/difficulties.json"]) == 54


def test_a_problem_whose_crates_cannot_be_had_is_excluded_before_it_is_judged(tmp_path: Path) -> None:
    needs = {"dependencies": [{"name": "tally", "version": "1"}]}
    section = _with_benchmark(tmp_path, _problem(1), _problem(2, **needs))
    judge = failing()
    report = build(section, 5, tmp_path / "out", judge, crates_fault=lambda asked: "tally is missing" if asked else "")
    assert "team/2" not in [candidate.id for candidate in judge.judged]
    assert report.excluded["team"] == {"team/2": "crates: tally is missing"}
    with pytest.raises(InputError, match="no usable problem"):
        build(_with_benchmark(tmp_path, _problem(2, **needs)), 5, tmp_path / "none", failing())
