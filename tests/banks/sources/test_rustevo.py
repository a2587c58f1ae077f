"""RustEvo²: tasks and API changes in upstream's two files, written here; what is excluded, and what is refused."""

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rustml.banks import load_bank
from rustml.banks.sources.load import SOURCES, load_source
from rustml.banks.sources.named_crates import named_crates
from rustml.errors import InputError
from rustml.judge import Judge, Limits
from rustml.records import Dependency, Problem, candidate_of
from rustml.stages.bank import contents
from tests.support.loopback_hub import COMMIT, hub

ROOT = Path(__file__).resolve().parents[3]
TESTS = "#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn t() { assert_eq!(twice(2), 4); }\n}\n"
TASK: dict[str, Any] = {
    "task_idx": 1,
    "query": "Double a number without overflow.",
    "function_signature": "fn twice(x: i32) -> i32",
    "code": "fn twice(x: i32) -> i32 {\n    x.saturating_mul(2)\n}",
    "test_program": TESTS,
}
CHANGE: dict[str, Any] = {
    "name": "saturating_mul",
    "from_version": "1.70.0",
    "to_version": "1.71.0",
    "module": "core::num",
    "type": "method",
    "signature": "pub const fn saturating_mul(self, rhs: Self) -> Self",
    "change_type": "stabilized",
    "documentation": "",
    "source_code": "",
    "old_source_code": "",
}


def write(folder: Path, tasks: list[dict[str, Any]], changes: list[dict[str, Any]] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "RustEvo^2.json").write_text(json.dumps(tasks))
    if changes is not None:
        (folder / "APIDocs.json").write_text(json.dumps(changes))
    return folder


def one(tmp_path: Path, **changes: Any) -> Problem:
    bank = load_bank("rustevo2", write(tmp_path / "set", [{**TASK, **changes}], [CHANGE]))
    (problem,) = bank.problems
    return problem


def test_a_folder_gives_each_task_its_change(tmp_path: Path) -> None:
    problem = one(tmp_path)
    assert problem.tags["category"] == "stabilized"
    assert problem.tags["api"] == "saturating_mul"
    assert "- Module: core::num\n- Signature: pub const fn saturating_mul" in problem.tags["api_facts"]
    assert "Documentation" not in problem.tags["api_facts"]
    assert (problem.entry_point, problem.pinned, problem.trainable) == ("twice", False, False)
    assert problem.dependencies == ()


def test_the_tasks_alone_are_a_bank_without_categories(tmp_path: Path) -> None:
    path = tmp_path / "rustevo2.json.gz"
    path.write_bytes(gzip.compress(json.dumps([TASK]).encode()))
    (problem,) = load_bank("rustevo2", path).problems
    assert problem.tags == {}
    assert problem.instruction.endswith("```rust\nfn twice(x: i32) -> i32\n```")


def test_unsafe_references_are_problems_of_that_policy(tmp_path: Path) -> None:
    assert one(tmp_path).policy == "strict"
    assert one(tmp_path, code="fn twice(x: i32) -> i32 {\n    unsafe { x.unchecked_mul(2) }\n}").policy == "unsafe"
    assert one(tmp_path, function_signature="unsafe fn twice(x: i32) -> i32").policy == "unsafe"
    assert one(tmp_path, code="// unsafe\nfn twice(x: i32) -> i32 { x }").policy == "strict"


def test_a_changed_crate_is_asked_for_in_the_version_of_the_change(tmp_path: Path) -> None:
    task = {**TASK, "code": "use rand_core::RngCore;\nfn twice(x: libc::c_int) -> i32 { x }"}
    change = {**CHANGE, "crate": "libc", "to_version": "0.2.167"}
    (problem,) = load_bank("rustevo2", write(tmp_path / "set", [task], [change])).problems
    assert problem.dependencies == (
        Dependency(name="libc", version="=0.2.167"),
        Dependency(name="rand_core", version="*"),
    )


def test_tasks_that_no_test_decides_are_excluded_by_name(tmp_path: Path) -> None:
    bare = {**TASK, "task_idx": 2, "test_program": "fn main() { assert_eq!(twice(2), 4); }"}
    broken = {**TASK, "task_idx": 3, "test_program": "#[test] fn t() {"}
    nameless = {**TASK, "task_idx": 4, "function_signature": "impl Clone for T"}
    bank = load_bank("rustevo2", write(tmp_path / "set", [TASK, bare, broken, nameless], [CHANGE] * 4))
    assert [problem.id for problem in bank.problems] == ["RustEvo2/1"]
    assert bank.excluded == {
        "RustEvo2/2": "its tests hold no #[test] function",
        "RustEvo2/3": "the delimiters of its tests do not match up",
        "RustEvo2/4": "its signature declares neither a function nor a type",
    }


@pytest.mark.parametrize("changes", [[], [CHANGE, CHANGE]])
def test_files_of_different_lengths_are_refused(tmp_path: Path, changes: list[dict[str, Any]]) -> None:
    folder = write(tmp_path / "set", [TASK], changes)
    with pytest.raises(InputError, match=rf"set: 1 tasks and {len(changes)} API changes"):
        load_bank("rustevo2", folder)


def test_files_of_another_order_are_refused(tmp_path: Path) -> None:
    tasks = [{**TASK, "task_idx": n, "code": f"fn twice(x: i32) -> i32 {{ api_{n:02}(x) }}"} for n in range(30)]
    changes = [{**CHANGE, "name": f"api_{n:02}"} for n in range(30)]
    assert len(load_bank("rustevo2", write(tmp_path / "set", tasks, changes)).problems) == 30
    with pytest.raises(InputError, match="0 of 30 references name the API of their line: the orders differ"):
        load_bank("rustevo2", write(tmp_path / "set", tasks, changes[1:] + changes[:1]))


@pytest.mark.parametrize("column", TASK)
def test_a_missing_column_is_named_with_the_item(tmp_path: Path, column: str) -> None:
    bad = {key: value for key, value in TASK.items() if key != column}
    with pytest.raises(InputError, match=rf"RustEvo\^2\.json, item 2: .*`{column}`"):
        load_bank("rustevo2", write(tmp_path / "set", [TASK, bad], [CHANGE] * 2))


@pytest.mark.parametrize("column", ["name", "change_type"])
def test_a_change_without_a_name_or_a_kind_is_refused(tmp_path: Path, column: str) -> None:
    bad = {key: value for key, value in CHANGE.items() if key != column}
    with pytest.raises(InputError, match=rf"item 1: .*`{column}` - at `\$\.api`"):
        load_bank("rustevo2", write(tmp_path / "set", [TASK], [bad]))


def test_two_tasks_of_one_number_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two problems have the id RustEvo2/1"):
        load_bank("rustevo2", write(tmp_path / "set", [TASK, TASK], [CHANGE] * 2))
    bare = {**TASK, "test_program": "fn main() {}"}
    with pytest.raises(InputError, match="item 3: two tasks have the `task_idx` 1"):
        load_bank("rustevo2", write(tmp_path / "set", [{**TASK, "task_idx": 2}, bare, bare], [CHANGE] * 3))


@pytest.mark.parametrize("content", ["{}", "[1, 2", "[[]]", "nonsense", ""])
def test_what_is_not_an_array_of_objects_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"tasks\.json.*not a JSON"):
        load_bank("rustevo2", path)


def test_a_folder_without_the_changes_says_which_file_is_missing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*APIDocs\.json"):
        load_bank("rustevo2", write(tmp_path / "set", [TASK]))


def test_the_hub_gives_both_files_of_one_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    folder = write(tmp_path / "Dataset", [TASK], [CHANGE])

    def fetch(repository: str, name: str, *, repo_type: str, revision: str | None) -> str:
        assert (repository, repo_type, revision) == ("SYSUSELab/RustEvo2", "dataset", "abc")
        return str(tmp_path / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    assert load_source("rustevo2", "hub@abc") == load_bank("rustevo2", folder)
    assert SOURCES["rustevo2"].files == ("Dataset/RustEvo^2.json", "Dataset/APIDocs.json")


FETCH = """
import sys
from rustml.banks import load_bank
from rustml.errors import RustmlError
try:
    for _ in range(2):
        (problem,) = load_bank("rustevo2", revision=sys.argv[1]).problems
    print(problem.id, problem.tags["category"])
except RustmlError as error:
    sys.exit(f"{error.exit_code}: {error}")
"""


def fetch(endpoint: str, cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    argv = [sys.executable, "-c", FETCH, COMMIT]
    return subprocess.run(argv, env=environment, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


@pytest.mark.slow
def test_both_files_come_from_a_hub_over_http_and_a_missing_one_is_named(tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "SYSUSELab" / "RustEvo2"
    repository.mkdir(parents=True)
    write(repository / "Dataset", [TASK], [CHANGE])
    with hub(tmp_path / "hub") as endpoint:
        done = fetch(endpoint, tmp_path / "cache")
        (repository / "Dataset" / "APIDocs.json").unlink()
        lacking = fetch(endpoint, tmp_path / "empty")
    assert done.stdout == "RustEvo2/1 stabilized\n", done.stderr
    assert lacking.returncode != 0
    assert "the hub's data set SYSUSELab/RustEvo2 at" in lacking.stderr
    assert "APIDocs.json" in lacking.stderr


def test_a_change_of_either_file_changes_the_key_of_the_stage(tmp_path: Path) -> None:
    import msgspec

    from rustml.profile import load

    def key(task: dict[str, Any], change: dict[str, Any]) -> str:
        folder = write(tmp_path / "set", [task], [change])
        tiny = load("tiny")
        bank = msgspec.structs.replace(tiny.bank, benchmarks={"rustevo2": str(folder)})
        return contents(msgspec.structs.replace(tiny, bank=bank))["bank", "benchmarks", "rustevo2"]

    first = key(TASK, CHANGE)
    assert key(TASK, {**CHANGE, "name": "wrapping_mul"}) != first
    assert key({**TASK, "query": "?"}, CHANGE) != first
    assert key(TASK, CHANGE) == first


@pytest.mark.parametrize(
    ("text", "crates"),
    [
        ("use std::{fs, io::{self, Read}};\nfn f() { fs::read(\"a\"); io::stdin(); }", ""),
        ("use libc;\nfn f() -> libc::c_int { libc::getpid() }", "libc"),
        ("#[tokio::test]\nasync fn t() { tokio::spawn(g()).await; }", "tokio"),
        ("mod mock { pub fn f() {} }\nuse mock::f;\nfn g() { mock::f() }", ""),
        ("use futures_util::StreamExt as _;\nextern crate log;", "futures-util log"),
        ("fn f() { u8::from_str_radix(\"1\", 2); str::from_utf8(b\"\"); self::g() }", ""),
        ("use chrono::{DateTime, Utc};\nuse chrono::offset as off;\nfn f() { off::local(); }", "chrono"),
        ("// use rand::Rng;\nfn f() { \"rand::x\"; a.b::<u8>(); Vec::<u8>::new(); }", ""),
    ],
)  # fmt: skip
def test_crates_are_read_off_paths(text: str, crates: str) -> None:
    assert " ".join(crate.package or crate.name for crate in named_crates(text)) == crates


def test_the_judge_passes_the_reference_and_fails_another_body(tmp_path: Path) -> None:
    problem = one(tmp_path)
    with Judge(Limits(), workers=1, lints=False) as judge:
        codes = {"right": problem.reference, "wrong": problem.reference.replace("(2)", "(3)")}
        verdicts = judge.judge([candidate_of(problem, code, name) for name, code in codes.items()])
    assert [verdict.status for verdict in verdicts] == ["passed", "wrong"]
