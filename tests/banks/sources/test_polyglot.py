"""Exercises as whole crates, in Exercism's layout, written here; what is excluded, and what is refused."""

import json
import tarfile
from pathlib import Path

import pytest

from rustml.banks import load_bank
from rustml.errors import InputError
from rustml.judge import Judge, Limits
from rustml.records import Dependency, Problem, candidate_of
from tests.support.exercises import MANIFEST, TESTS, exercise


def one(folder: Path, drop: str = "", **files: str) -> Problem:
    (problem,) = load_bank("polyglot-rust", exercise(folder, drop=drop, **files)).problems
    return problem


def test_an_exercise_is_a_crate_called_by_its_name(tmp_path: Path) -> None:
    problem = one(tmp_path)
    assert (problem.id, problem.entry_point, problem.edition) == ("polyglot-rust/two-step", "two_step", "2021")
    assert problem.instruction.startswith("# Introduction\n\nNumbers.\n\n# Instructions\n\nDouble a number.\n\n")
    assert "pub fn twice(x: u32) -> u32 {\n    todo!()\n}" in problem.instruction
    assert "Use the standard library alone." in problem.instruction
    assert "hints" not in problem.instruction
    assert "Use `*`" not in problem.instruction
    assert not problem.trainable


def test_all_tests_are_switched_on_and_their_texts_stay(tmp_path: Path) -> None:
    tests = one(tmp_path).tests
    assert "#[test]\n#[ignore]" not in tests
    assert '#[ignore = "slow"]' not in tests
    assert tests.count("#[test]\nfn ") == 3
    assert 'assert_eq!("#[ignore]\\n\\nfn", "#[ignore]\\n\\nfn");' in tests


def test_an_archive_holds_the_same_as_a_folder(tmp_path: Path) -> None:
    exercise(tmp_path / "set")
    archive = tmp_path / "set.tar.gz"
    with tarfile.open(archive, "w:gz") as out:
        out.add(tmp_path / "set", arcname=".")
    assert load_bank("polyglot-rust", archive) == load_bank("polyglot-rust", tmp_path / "set")
    exercises = tmp_path / "set" / "exercises"
    assert load_bank("polyglot-rust", exercises) == load_bank("polyglot-rust", tmp_path / "set")
    assert load_bank("polyglot-rust", exercises / "two-step").problems[0].id == "polyglot-rust/two-step"


def test_other_languages_of_the_benchmark_are_not_read(tmp_path: Path) -> None:
    exercise(tmp_path)
    exercise(tmp_path, "in-python", drop="Cargo.toml")
    assert [problem.id for problem in load_bank("polyglot-rust", tmp_path).problems] == ["polyglot-rust/two-step"]


def test_crates_are_those_of_the_manifest_and_of_the_example(tmp_path: Path) -> None:
    more = MANIFEST + '\n[dependencies]\nrand = { version = "0.8", default-features = false }\n'
    problem = one(
        tmp_path, **{"Cargo.toml": more, ".meta__Cargo-example.toml": MANIFEST + '[dependencies]\nitertools = "0.5"\n'}
    )
    assert problem.dependencies == (
        Dependency(name="rand", version="0.8", default_features=False),
        Dependency(name="itertools", version="0.5"),
    )
    assert "Use the standard library and the crates rand." in problem.instruction


def test_what_is_not_one_file_and_one_program_is_excluded_by_name(tmp_path: Path) -> None:
    exercise(tmp_path)
    exercise(tmp_path, "more-code", src__helper="")
    exercise(tmp_path, "more-files", tests__invalid__a="x")
    two = json.dumps({"files": {"solution": [], "test": ["tests/two-step.rs", "tests/b.rs"], "example": []}})
    exercise(tmp_path, "more-tests", **{".meta__config.json": two, "tests__b.rs": TESTS})
    bank = load_bank("polyglot-rust", tmp_path)
    assert [problem.id for problem in bank.problems] == ["polyglot-rust/two-step"]
    assert bank.excluded == {
        "polyglot-rust/more-code": "its code is several files: src/lib.rs, src/helper",
        "polyglot-rust/more-files": "its tests need further files: tests/invalid/a",
        "polyglot-rust/more-tests": "its tests are several programs: tests/two-step.rs, tests/b.rs",
    }


@pytest.mark.parametrize("missing", [".meta/example.rs", "src/lib.rs", "tests/two-step.rs", ".docs/instructions.md"])
def test_a_missing_file_is_named_with_the_exercise(tmp_path: Path, missing: str) -> None:
    with pytest.raises(InputError, match=f"exercise two-step: it has no {missing}"):
        one(tmp_path, drop=missing)


@pytest.mark.parametrize(
    ("file", "text", "says"),
    [
        (".meta/config.json", "{", r"exercise two-step, \.meta/config\.json: "),
        (".meta/config.json", "{}", r"\.meta/config\.json: .*`files`"),
        (".meta/config.json", '{"files": {"solution": [], "example": []}}', r"\.meta/config\.json: .*`test`"),
        ("Cargo.toml", "[package", r"two-step, Cargo\.toml: "),
        ("Cargo.toml", "[dependencies]\n", r"Cargo\.toml: `package\.name` is not there"),
        ("Cargo.toml", MANIFEST + '[dependencies]\na = {path = "../a"}\n', "the dependency a cannot be had: .*path"),
    ],
)
def test_files_that_cannot_be_read_are_refused(tmp_path: Path, file: str, text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        one(tmp_path, **{file.replace("/", "__"): text})


def test_a_path_without_exercises_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no exercise of Rust"):
        load_bank("polyglot-rust", tmp_path)
    broken = tmp_path / "set.tar.gz"
    broken.write_bytes(b"no archive")
    with pytest.raises(InputError, match=r"cannot read .*set\.tar\.gz as a folder or an archive"):
        load_bank("polyglot-rust", broken)
    with pytest.raises(InputError, match=r"cannot read .*absent"):
        load_bank("polyglot-rust", tmp_path / "absent")
    with pytest.raises(InputError, match="not on a hub: download it from rust/exercises/practice"):
        load_bank("polyglot-rust")


def test_two_exercises_of_one_name_are_refused(tmp_path: Path) -> None:
    exercise(tmp_path / "a")
    exercise(tmp_path / "b")
    with pytest.raises(InputError, match="two problems have the id polyglot-rust/two-step"):
        load_bank("polyglot-rust", tmp_path)


def test_the_judge_runs_all_tests_of_the_crate(tmp_path: Path) -> None:
    problem = one(tmp_path)
    codes = {"right": problem.reference, "wrong": problem.reference.replace("2 * x", "if x == 1 { 2 } else { x }")}
    with Judge(Limits(), workers=1, lints=False) as judge:
        verdicts = judge.judge([candidate_of(problem, code, name) for name, code in codes.items()])
    assert [(one.status, one.tests_passed, one.tests_expected) for one in verdicts] == [
        ("passed", 3, 3),
        ("wrong", 1, 3),
    ]
