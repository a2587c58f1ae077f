"""Loaders: the public formats, by small files written here; refusals that name file, line and key."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from rustml.banks import load_bank
from rustml.banks.sources.load import SOURCES, load_source
from rustml.banks.sources.python import NUMPY
from rustml.errors import EnvironmentFault, InputError
from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.hub_datasets import HubDataset, hub_rows
from rustml.records import Problem
from rustml.testing import FakeTokenizer

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'from typing import List\n\n\ndef twice(x: int) -> int:\n    """Double x. >>> twice(2)\n    4\n    """\n',
    "entry_point": "twice",
    "canonical_solution": "    return 2 * x\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(3) == 6\n",
}
MBPP = {
    "text": "Write a function to double a number.",
    "code": "import math\r\ndef helper(x):\r\n  return x\r\ndef twice(x):\r\n  return 2 * helper(x)",
    "task_id": 11,
    "test_setup_code": "",
    "test_list": ["assert abs(twice(2)) == 4", "assert twice(0) == 0"],
    "challenge_test_list": [],
}
HUMANEVAL_X = {
    "task_id": "Rust/0",
    "prompt": "\n/*\n Double a number.\n    Twice.\n    \n*/\n",
    "declaration": (
        "\nuse std::{slice::Iter, cmp::{max, self}, collections::{HashSet, HashMap}, ops::Index, ascii::AsciiExt};\n"
        "use rand::Rng;\nuse regex::Regex;\nuse md5;\nuse std::any::{Any, TypeId};\n\nfn twice(x:i32) -> i32{\n"
    ),
    "canonical_solution": "    return 2 * x;\n}\n",
    "test": "\n#[cfg(test)]\nmod tests {\n    use super::*;\n    #[test]\n    fn t() { assert_eq!(twice(2), 4); }\n}\n",
    "example_test": "None",
}
PACK = {**HUMANEVAL_X, "entry_point": "twice", "instruction": "Write a Rust function `twice(x:i32) -> i32`.\nDouble."}
MULTIPL_E = {
    "name": "HumanEval_0_twice",
    "language": "rs",
    "prompt": (
        "use std::collections::HashMap;\n\n/// Double a number.\n/// >>> twice(2)\n/// 4\n"
        "fn twice(x: isize) -> isize {\n"
    ),
    "doctests": "transform",
    "original": "x.py",
    "prompt_terminology": "reworded",
    "tests": "}\n\nfn main() {\n    let candidate = twice;\n    assert_eq!(candidate(2), 4);\n}\n",
    "stop_tokens": ["\n}"],
}
FIX = {**PACK, "buggy_solution": "    return 3 * x;\n}\n", "bug_type": "value misuse"}
EXPLAIN = {**PACK, "docstring": "Double a number."}
ASSERTION = """import numpy as np


def assertion(out, exp, atol):
    if atol == 0 and isinstance(exp, float):
        atol = 1e-6
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"


"""
PLUS = {
    **HUMANEVAL,
    "test": f"{ASSERTION}def check(candidate):\n    for inp, exp in zip([[3], [5]], [6, 10]):\n"
    "        assertion(candidate(*inp), exp, 0)\n",
}
MBPP_PLUS = {
    "task_id": 11,
    "code": "def half(x):\n  return x / 2",
    "prompt": "Write a function to halve a number.",
    "source_file": "x.py",
    "test_imports": [],
    "test_list": ["assert half(4) == 2", "assert half(1) == 0.5"],
    "test": f"{ASSERTION}for inp, exp in zip([[4], [1]], [2.0, 0.50000001]):\n    assertion(half(*inp), exp, 0)\n",
}
ROWS: dict[str, dict[str, Any]] = {
    "humaneval": HUMANEVAL,
    "mbpp": MBPP,
    "humaneval-x-rust": HUMANEVAL_X,
    "humanevalpack-rust": PACK,
    "humanevalpack-rust-fix": FIX,
    "humanevalpack-rust-explain": EXPLAIN,
    "humanevalplus": PLUS,
    "mbppplus": MBPP_PLUS,
    "multipl-e-humaneval-rs": MULTIPL_E,
    "multipl-e-mbpp-rs": MULTIPL_E,
}


def _write(path: Path, *rows: dict[str, Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def _one(name: str, tmp_path: Path, row: dict[str, Any] | None = None) -> Problem:
    bank = load_bank(name, _write(tmp_path / "bank.jsonl", row or ROWS[name]))
    assert len(bank.problems) == 1
    return bank.problems[0]


def test_every_known_bank_has_an_example_here() -> None:
    elsewhere = {"rustevo2", "polyglot-rust", "cruxeval-x-rust-output", "cruxeval-x-rust-input"}  # beside this file
    assert set(ROWS) == set(SOURCES) - elsewhere


def test_humaneval_keeps_the_prompt_byte_for_byte(tmp_path: Path) -> None:
    problem = _one("humaneval", tmp_path)
    assert problem.instruction == HUMANEVAL["prompt"]
    assert problem.prelude == "from typing import List\n\n\n"
    assert problem.signature == "def twice(x: int) -> int:"
    exec(problem.reference + problem.tests, {})


def test_humaneval_tests_fail_a_wrong_body(tmp_path: Path) -> None:
    problem = _one("humaneval", tmp_path)
    with pytest.raises(AssertionError):
        exec(problem.instruction + "    return x\n" + problem.tests, {})


def test_mbpp_finds_the_function_that_the_asserts_call(tmp_path: Path) -> None:
    problem = _one("mbpp", tmp_path)
    assert problem.entry_point == "twice"
    assert "\r" not in problem.reference
    exec(problem.reference + problem.tests, {})


def test_mbpp_code_that_python_warns_about_is_read_all_the_same(tmp_path: Path) -> None:
    assert _one("mbpp", tmp_path, {**MBPP, "code": "def twice(x):\n  '\\w'\n  return 2 * x"}).entry_point == "twice"


def test_mbpp_set_up_runs_after_the_solution_on_which_it_builds(tmp_path: Path) -> None:
    row = {
        **MBPP,
        "code": "class Node:\r\n  value = 3\r\ndef read(n):\r\n  return n.value",
        "test_setup_code": "root = Node() \r\n",
        "test_list": ["assert read(root) == 3"],
    }
    problem = _one("mbpp", tmp_path, row)
    assert problem.entry_point == "read"
    exec(problem.prelude + problem.reference + problem.tests, {})


@pytest.mark.parametrize(
    ("task", "subset", "split"),
    [
        (1, "prompt", "train"),
        (10, "prompt", "train"),
        (11, "test", "test"),
        (510, "test", "test"),
        (511, "validation", "dev"),
        (600, "validation", "dev"),
        (601, "train", "train"),
        (974, "train", "train"),
    ],
)
def test_mbpp_subsets_follow_the_task_number(tmp_path: Path, task: int, subset: str, split: str) -> None:
    problem = _one("mbpp", tmp_path, {**MBPP, "task_id": task})
    assert (problem.tags["subset"], problem.split) == (subset, split)


@pytest.mark.parametrize("name", ["humaneval-x-rust", "humanevalpack-rust"])
def test_external_crates_and_the_deprecated_trait_leave_the_imports(tmp_path: Path, name: str) -> None:
    problem = _one(name, tmp_path)
    assert problem.prelude == (
        "use std::{slice::Iter, cmp::{max, self}, collections::{HashSet, HashMap}, ops::Index};\n"
        "use std::any::{Any, TypeId};\n"
    )
    assert problem.reference == "fn twice(x:i32) -> i32{    return 2 * x;\n}\n"
    assert problem.signature == "fn twice(x:i32) -> i32"
    assert problem.signature in problem.instruction


def test_humaneval_x_asks_in_the_words_of_the_comment(tmp_path: Path) -> None:
    instruction = _one("humaneval-x-rust", tmp_path).instruction
    assert "\nDouble a number.\nTwice.\n" in instruction
    assert "*/" not in instruction


@pytest.mark.parametrize(
    ("use", "crate"),
    [("let mut r = rand::thread_rng();", "rand"), ("Regex::new(r).unwrap();", "regex"), ("md5::compute(b)", "md5")],
)
def test_a_problem_that_needs_a_crate_is_listed_with_the_reason(tmp_path: Path, use: str, crate: str) -> None:
    needy = {**HUMANEVAL_X, "task_id": "Rust/1", "canonical_solution": f"    {use}\n    2 * x\n}}\n"}
    bank = load_bank("humaneval-x-rust", _write(tmp_path / "x.jsonl", HUMANEVAL_X, needy))
    assert bank.excluded == {"Rust/1": f"needs the crate {crate}"}
    assert [problem.id for problem in bank.problems] == ["Rust/0"]


def test_a_bug_is_asked_about_with_the_tests_in_view(tmp_path: Path) -> None:
    problem = _one("humanevalpack-rust-fix", tmp_path)
    assert "fn twice(x:i32) -> i32{    return 3 * x;\n}" in problem.instruction
    assert "assert_eq!(twice(2), 4)" in problem.instruction
    assert "return 2" not in problem.instruction
    assert (problem.id, problem.tags) == ("Rust/0/fix", {"category": "value_misuse"})
    assert problem.reference == "fn twice(x:i32) -> i32{    return 2 * x;\n}\n"


def test_a_description_may_be_as_long_as_the_docstring(tmp_path: Path) -> None:
    problem = _one("humanevalpack-rust-explain", tmp_path)
    assert problem.tags == {"characters": str(len("Double a number."))}
    assert "at most 16 characters" in problem.instruction
    assert "return 2 * x" in problem.instruction
    assert "Double" not in problem.instruction


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("humanevalpack-rust-fix", "buggy_solution"),
        ("humanevalpack-rust-fix", "bug_type"),
        ("humanevalpack-rust-explain", "docstring"),
        ("mbppplus", "test_list"),
        ("mbppplus", "test"),
        ("humanevalplus", "test"),
    ],
)
def test_a_file_without_the_fields_of_a_part_is_refused(tmp_path: Path, name: str, column: str) -> None:
    row = {key: value for key, value in ROWS[name].items() if key != column}
    with pytest.raises(InputError, match=rf"bank\.jsonl, line 1: .*`{column}`"):
        load_bank(name, _write(tmp_path / "bank.jsonl", row))


@pytest.mark.parametrize("name", ["humanevalplus", "mbppplus"])
def test_tests_of_evalplus_run_without_numpy(tmp_path: Path, name: str) -> None:
    problem = _one(name, tmp_path)
    assert "numpy" not in problem.tests
    run = "\ntest_inputs_0()\n" * (name == "mbppplus")
    exec(problem.reference + problem.tests + run, {})
    with pytest.raises(AssertionError):
        exec(problem.reference.replace("2", "3") + problem.tests + run, {})


def test_tests_of_mbpp_plus_that_are_not_python_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 1: `test` is not Python"):
        _one("mbppplus", tmp_path, {**MBPP_PLUS, "test": "for x in"})


@pytest.mark.parametrize(
    ("out", "exp", "near"),
    [
        ([1.0, 2.0], [1.0, 2.0000001], True),
        ([1.0], [1.0, 2.0], False),
        ((1.0, [2.5]), (1.0, [2.5]), True),
        (1.0, 1.1, False),
        (3.0, [3.0], False),
    ],
)
def test_the_stand_in_compares_as_numpy_does(out: object, exp: object, near: bool) -> None:
    space: dict[str, Any] = {}
    exec(NUMPY, space)
    assert space["np"].allclose(out, exp, rtol=1e-07, atol=1e-6) is near


def test_mbpp_plus_asks_no_task_that_prompts_show_solved(tmp_path: Path) -> None:
    rows = [{**MBPP_PLUS, "task_id": task} for task in (2, 3, 4, 11, 809)]
    bank = load_bank("mbppplus", _write(tmp_path / "bank.jsonl", *rows))
    assert [(problem.id, problem.split) for problem in bank.problems if problem.split == "test"] == [
        ("MBPP/11", "test"),
        ("MBPP/809", "test"),
    ]
    prompt = PROTOCOLS["mbpp"].prompt(bank.problems[3], FakeTokenizer(), bank.problems[:3]).text
    assert prompt.count("assert half(4) == 2\nassert half(1) == 0.5\n[BEGIN]") == 4
    assert "0.50000001" not in prompt


def test_helpers_of_a_declaration_belong_to_the_reference(tmp_path: Path) -> None:
    row = {**HUMANEVAL_X, "declaration": "use rand::Rng;\nfn one() -> i32 { 1 }\n\nfn twice(x:i32) -> i32{\n"}
    problem = _one("humaneval-x-rust", tmp_path, row)
    assert problem.entry_point == "twice"
    assert problem.reference.startswith("fn one() -> i32 { 1 }")
    assert problem.prelude == ""


def test_multipl_e_becomes_one_test_and_has_no_reference(tmp_path: Path) -> None:
    problem = _one("multipl-e-humaneval-rs", tmp_path)
    assert problem.tests.startswith("#[test]\nfn examples() {\n    let candidate = twice;")
    assert problem.prelude == "use std::collections::HashMap;\n"
    assert problem.signature == "fn twice(x: isize) -> isize"
    assert "\nDouble a number.\n>>> twice(2)\n4\n" in problem.instruction
    assert problem.reference == ""


def test_multipl_e_leaves_out_the_problem_that_contradicts_itself(tmp_path: Path) -> None:
    bad = {**MULTIPL_E, "name": "HumanEval_92_any_int"}
    bank = load_bank("multipl-e-humaneval-rs", _write(tmp_path / "m.jsonl", MULTIPL_E, bad))
    assert list(bank.excluded) == ["HumanEval_92_any_int"]


@pytest.mark.parametrize("name", ROWS)
def test_no_problem_of_a_public_bank_is_trainable(tmp_path: Path, name: str) -> None:
    bank = load_bank(name, _write(tmp_path / "bank.jsonl", ROWS[name]))
    assert not bank.trainable
    assert not any(problem.trainable for problem in bank.problems)


@pytest.mark.parametrize("name", ROWS)
def test_gzip_makes_no_difference_and_a_changed_row_another_digest(tmp_path: Path, name: str) -> None:
    plain = load_bank(name, _write(tmp_path / "a.jsonl", ROWS[name]))
    assert load_bank(name, _write(tmp_path / "b.jsonl.gz", ROWS[name])) == plain
    key = {"mbpp": "text"}.get(name, "prompt")
    comment = "# more\n" if name == "mbppplus" else "// more\n"
    changed = {**ROWS[name], key: ROWS[name][key] + " ", "test": ROWS[name].get("test", "") + comment}
    changed.update({k: v for k, v in {"tests": MULTIPL_E["tests"].replace("4", "5")}.items() if "multipl" in name})
    changed.update({"text": "Another."} if name == "mbpp" else {})
    assert load_bank(name, _write(tmp_path / "c.jsonl", changed)).digest != plain.digest


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, row in ROWS.items() for key in row if key in ("prompt", "text", "tests")]
)
def test_a_missing_column_is_named_with_file_and_line(tmp_path: Path, name: str, key: str) -> None:
    row = {column: value for column, value in ROWS[name].items() if column != key}
    path = _write(tmp_path / "bank.jsonl", ROWS[name], row)
    with pytest.raises(InputError, match=rf"bank\.jsonl, line 2: .*`{key}`"):
        load_bank(name, path)


def test_a_column_of_another_type_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "bank.jsonl", {**MBPP, "test_list": "assert True"})
    with pytest.raises(InputError, match=r"line 1: .*\$\.test_list"):
        load_bank("mbpp", path)


@pytest.mark.parametrize("content", [b"{\n", b"[1]\n", b'{"a": "\xff"}\n', b"nonsense"])
def test_what_is_no_json_object_is_refused_with_its_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n" + content)
    with pytest.raises(InputError, match=r"bad\.jsonl, line 2"):
        load_bank("humaneval", path)


def test_a_file_that_is_no_gzip_or_is_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.jsonl.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(InputError, match=r"cannot read .*bank\.jsonl\.gz"):
        load_bank("humaneval", path)
    path.write_bytes(gzip.compress(json.dumps(HUMANEVAL).encode())[:-12])
    with pytest.raises(InputError, match=r"cannot read .*bank\.jsonl\.gz"):
        load_bank("humaneval", path)


def test_a_missing_file_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*none\.jsonl"):
        load_bank("mbpp", tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no usable problem"):
        load_bank("mbpp", tmp_path / "empty.jsonl")


def test_the_wrong_bank_under_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: .*\$\.task_id.*columns here: text, code"):
        load_bank("humaneval", _write(tmp_path / "bank.jsonl", MBPP))
    with pytest.raises(InputError, match="`language` is 'cpp'"):
        load_bank("multipl-e-mbpp-rs", _write(tmp_path / "m.jsonl", {**MULTIPL_E, "language": "cpp"}))


def test_two_problems_of_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two problems have the id HumanEval/0"):
        load_bank("humaneval", _write(tmp_path / "bank.jsonl", HUMANEVAL, HUMANEVAL))


def test_an_unknown_name_without_a_path_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="no bank 'humanevall'; known: humaneval, mbpp"):
        load_bank("humanevall")


def test_a_bank_on_no_hub_says_where_it_is() -> None:
    with pytest.raises(InputError, match=r"not on a hub: download it from .*CodeGeeX and give its path"):
        load_bank("humaneval-x-rust")


PROBLEM = {
    "id": "team/1",
    "bank": "team",
    "split": "test",
    "language": "rust",
    "instruction": "Return 1.",
    "entry_point": "one",
    "reference": "fn one() -> i64 {\n    1\n}\n",
    "tests": "#[test]\nfn t() {\n    assert_eq!(one(), 1);\n}\n",
    "licence": "MIT",
}


def test_any_file_in_the_problem_format_is_a_bank(tmp_path: Path) -> None:
    other = {**PROBLEM, "id": "team/2", "licence": "Apache-2.0"}
    bank = load_bank("team", _write(tmp_path / "team.jsonl", PROBLEM, other))
    assert (bank.licence, bank.trainable, len(bank.problems)) == ("Apache-2.0 AND MIT", True, 2)


def test_a_bank_with_one_problem_that_may_not_be_trained_on_is_not_trainable_as_a_whole(tmp_path: Path) -> None:
    other = {**PROBLEM, "id": "team/2", "trainable": False}
    bank = load_bank("team", _write(tmp_path / "team.jsonl", PROBLEM, other))
    assert not bank.trainable
    assert [problem.trainable for problem in bank.problems] == [True, False]


def test_an_unknown_key_in_the_problem_format_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path / "team.jsonl", {**PROBLEM, "test": ""})
    with pytest.raises(InputError, match=r"team\.jsonl, line 1: .*unknown field `test`"):
        load_bank("team", path)


def test_rows_of_the_hub_are_read_through_datasets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def load(repository: str, config: str | None, **options: Any) -> Any:
        assert (repository, config) == ("openai/openai_humaneval", None)
        assert options == {"split": "test", "revision": None, "streaming": False}
        return datasets.Dataset.from_list([HUMANEVAL])

    monkeypatch.setattr(datasets, "load_dataset", load)
    from_hub = load_bank("humaneval")
    assert from_hub == load_bank("humaneval", _write(tmp_path / "bank.jsonl", HUMANEVAL))


def test_a_hub_that_does_not_answer_is_a_fault_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def refuse(*_: Any, **__: Any) -> Any:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(EnvironmentFault, match="data set a/b cannot be read: Name or service"):
        list(hub_rows(HubDataset("a/b", data_file="data.jsonl"), "test"))


def test_a_profile_may_pin_the_hubs_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    revisions: list[str | None] = []

    def load(*_: Any, revision: str | None, **__: Any) -> Any:
        revisions.append(revision)
        return datasets.Dataset.from_list([HUMANEVAL])

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert load_source("humaneval", "hub@abc") == load_source("humaneval", "hub")
    assert revisions == ["abc", None]
    with pytest.raises(InputError, match=r"bank\.benchmarks\.humaneval: 'hub@'"):
        load_source("humaneval", "hub@")
