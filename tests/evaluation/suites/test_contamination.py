from pathlib import Path

import msgspec
import pytest

from rustml.errors import InputError
from rustml.evaluation.suites.assembly import marked
from rustml.evaluation.suites.contamination import in_training, listed
from rustml.profile.curate import Decontamination
from rustml.records import Origin, Pair, Problem, write_jsonl
from tests.support.evaluation_doubles import made_suite, problem

SECTION = Decontamination(run_tokens=13, shingle_tokens=3, threshold=0.85)
TEXT = "fn area(width: u32, height: u32) -> u32 { let scaled = width * 3 + height; scaled.pow(2) - width % 7 }"


def reworded(number: int, text: str) -> Problem:
    return msgspec.structs.replace(problem(number), reference=text)


def pairs(folder: Path, answer: str) -> Path:
    made = Pair(
        id="x",
        task="sig_doc_impl",
        instruction="ask",
        answer=answer,
        origin=Origin(kind="crate", name="a", licence="MIT"),
    )
    folder.mkdir(exist_ok=True)
    write_jsonl(folder / "train.jsonl", [made])
    write_jsonl(folder / "raw.jsonl", [])
    return folder


def test_a_problem_whose_solution_was_trained_on_is_found_and_marked(tmp_path: Path) -> None:
    problems = [
        reworded(0, TEXT),
        reworded(1, "fn other(a: &str) -> String { a.chars().rev().skip(1).collect::<String>() }"),
    ]
    names = in_training(
        problems, pairs(tmp_path / "pairs", f"```rust\n// copied\n{TEXT}\n```"), SECTION, tmp_path / "c"
    )
    assert names == {"p/0"}
    (suite,) = marked([made_suite(2)], names)
    assert suite.contaminated == ("p/0",)


def test_the_kept_answer_is_of_these_very_records(tmp_path: Path) -> None:
    problems = [reworded(0, TEXT)]
    assert in_training(problems, pairs(tmp_path / "pairs", "```rust\nfn f() {}\n```"), SECTION, tmp_path / "c") == set()
    assert in_training(problems, pairs(tmp_path / "pairs", TEXT), SECTION, tmp_path / "c") == {"p/0"}


def test_a_list_of_ids_is_read_and_a_misspelt_one_refused(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    file.write_text("# known from their paper\np/1\n\n")
    assert listed(file, ["p/0", "p/1"]) == {"p/1"}
    file.write_text("p/1\np/01\n")
    with pytest.raises(InputError, match="line 2"):
        listed(file, ["p/0", "p/1"])
    with pytest.raises(InputError, match="cannot read"):
        listed(tmp_path / "none", [])
