"""HumanEvalPack's parts, EvalPlus and CRUXEval-X from a user's file to an evaluation."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rustml.errors import InputError
from rustml.evaluation.results.journal import Item
from rustml.evaluation.suites.assembly import suites_of
from rustml.judge import Judge
from rustml.records import read_jsonl, write_jsonl
from tests.banks.sources import test_cruxeval as crux
from tests.banks.sources.test_load import EXPLAIN, FIX, MBPP_PLUS, PLUS
from tests.support.evaluation_doubles import problem
from tests.support.random_model import random_model
from tests.support.suite_runs import LIMITS, answered, asked, banks, measured, sections

RIGHT = "```rust\nfn twice(x: i32) -> i32 {\n    2 * x\n}\n```"


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(LIMITS, workers=1) as made:
        yield made


def files(tmp_path: Path) -> dict[str, Path]:
    shown = [{**MBPP_PLUS, "task_id": task} for task in (2, 3, 4)]
    return {
        "humanevalpack_rust_fix": written(tmp_path / "fix.jsonl", FIX),
        "humanevalpack_rust_explain": written(tmp_path / "explain.jsonl", EXPLAIN),
        "humanevalplus": written(tmp_path / "plus.jsonl", PLUS),
        "mbppplus": written(tmp_path / "mbpp.jsonl", *shown, MBPP_PLUS),
        "cruxeval_x_rust_output": written(tmp_path / "output.jsonl", *crux.ROWS),
        "cruxeval_x_rust_input": written(tmp_path / "input.jsonl", *crux.ROWS),
    }


SUITES: dict[str, dict[str, Any]] = {
    "fix": {"problems": "humanevalpack-rust-fix"},
    "explain": {"problems": "humanevalpack-rust-explain", "protocol": "explain"},
    "plus": {"problems": "humanevalplus", "group": "retention", "protocol": "humaneval"},
    "mbppplus": {"problems": "mbppplus", "group": "retention", "protocol": "mbpp"},
    "output": {"problems": "cruxeval-x-rust-output", "protocol": "prediction"},
    "input": {"problems": "cruxeval-x-rust-input", "protocol": "prediction"},
}


def play(text: str, _sample: int) -> str:
    """Right answers, but for the half of MBPP+ and one prediction."""
    answers = {
        "has a bug": RIGHT,
        "Describe in at most": "Doubles x, and much more that does not fit.",
        "Write a Rust function that does this:\n\nDoubles x, and m\n": RIGHT,
        "def twice": "    return 2 * x\n",
        "You are an expert Python programmer": "def half(x):\n    return x // 2\n",
        "candidate(vec![1, 2], 7), ????": "```rust\nvec![1, 2, 7]\n```",
        'candidate("ab"), ????': "```rust\nHashMap::from([('a', 1), ('b', 1)])\n```",
        "candidate(4), ????": "```rust\nf(4)\n```",
        "candidate(????), vec![1, 2, 7]": "```rust\nvec![1, 2], 7\n```",
        "candidate(????), HashMap": '```rust\n"ba"\n```',
        "candidate(????), (4": "```rust\n5\n```",
    }
    return next(answer for words, answer in answers.items() if words in text)


def test_every_suite_is_asked_and_judged_by_its_protocol(judge: Judge, checkpoint: Path, tmp_path: Path) -> None:
    report = banks(tmp_path / "banks", judge, **files(tmp_path))
    assert not report.dropped
    suites = asked(tmp_path / "banks", sections(**SUITES))
    evaluation = answered(suites, play, judge, checkpoint, tmp_path / "out")
    metrics = evaluation.metrics()
    passed = {name: metrics[f"{name}.pass_at_1"] for name in SUITES}
    assert passed == {
        "fix": 1,
        "explain": 1,
        "plus": 1,
        "mbppplus": 0,
        "output": pytest.approx(2 / 3),
        "input": pytest.approx(2 / 3),
    }
    assert metrics["fix.value_misuse.pass_rate"] == 1
    assert metrics["output.format_rate"] == pytest.approx(2 / 3)
    (item,) = read_jsonl(tmp_path / "out" / "items-explain.jsonl", Item)
    assert item.said == "Doubles x, and much more that does not fit."
    assert "return 2 * x" not in item.prompt
    assert len({suite.protocol_digest for suite in evaluation.suites.values()}) == len(SUITES)


def test_explain_is_refused_for_problems_that_do_not_say_how_long(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "made.jsonl", [problem(1)])
    with pytest.raises(InputError, match="p/1 does not say how long a description may be"):
        suites_of(sections(a={"problems": "made", "protocol": "explain"}), tmp_path, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_a_real_model_is_measured(judge: Judge, tmp_path: Path, name: str) -> None:
    bank = str(SUITES[name]["problems"]).replace("-", "_")
    banks(tmp_path / "banks", judge, **{bank: files(tmp_path)[bank]})
    section = sections(**{name: SUITES[name]})
    model = random_model(tmp_path / "model", context=4096)
    evaluation = measured(asked(tmp_path / "banks", section), section, judge, model, tmp_path / "out")
    assert evaluation.metrics()[f"{name}.items"] == (3 if name in ("output", "input") else 1)
    assert evaluation.metrics()[f"{name}.faults"] == 0
