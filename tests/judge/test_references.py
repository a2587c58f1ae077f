"""The public references: all pass, and none does once its body is gone."""

import gzip
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rustml.judge import Judge, Limits
from rustml.records import Candidate

DATA = os.environ.get("RUSTML_BENCHMARK_DATA")
pytestmark = [
    pytest.mark.skipif(DATA is None, reason="RUSTML_BENCHMARK_DATA names no folder of benchmark data"),
    pytest.mark.slow,
]
ROOMY = Limits(cpu_seconds=10, run_seconds=60)


def rows(name: str) -> list[dict[str, str]]:
    path = Path(DATA or "") / name
    text = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in text.decode().splitlines()]


def rust_references() -> list[Candidate]:
    found = []
    for row in rows("humaneval_x_rust.jsonl.gz"):
        if re.search(r"rand::|Regex::|md5::", row["canonical_solution"] + row["test"]):
            continue
        head = re.search(r"^(?:pub )?fn (\w+)", row["declaration"], re.MULTILINE)
        assert head is not None
        signature = row["declaration"][head.start() :]
        found.append(
            Candidate(
                id=row["task_id"],
                code=row["declaration"] + row["canonical_solution"],
                tests=row["test"],
                entry_point=head[1],
                signature=signature,
                prelude=row["declaration"][: head.start()],
            )
        )
    return found


def without_external(candidate: Candidate) -> Candidate:
    code = re.sub(r"^use (?:rand|regex|md5).*;$", "", candidate.code, flags=re.MULTILINE)
    return with_code(candidate, code)


def with_code(candidate: Candidate, code: str) -> Candidate:
    fields = {name: getattr(candidate, name) for name in candidate.__struct_fields__}
    return Candidate(**{**fields, "code": code})


def emptied(candidate: Candidate, body: str) -> Candidate:
    """The reference with the body of its function replaced, and what stands beside the function kept."""
    start = candidate.code.index(candidate.signature.strip()) + len(candidate.signature.strip())
    return with_code(candidate, candidate.code[:start] + f" return {body};\n" + candidate.code[start:])


@pytest.fixture(scope="module")
def roomy() -> Iterator[Judge]:
    with Judge(ROOMY, workers=2, batch_size=64) as judge:
        yield judge


def test_every_rust_reference_passes(roomy: Judge) -> None:
    candidates = [without_external(candidate) for candidate in rust_references()]
    verdicts = roomy.judge(candidates)
    assert len(verdicts) == 158
    assert [verdict for verdict in verdicts if verdict.status != "passed"] == []


def test_the_echoed_declaration_is_nobodys_lint(roomy: Judge) -> None:
    candidates = [without_external(candidate) for candidate in rust_references()]
    verdicts = roomy.judge(candidates)
    assert not any("deprecated" in verdict.lints or "unused_imports" in verdict.lints for verdict in verdicts)
    assert any(verdict.clippy_clean for verdict in verdicts)


@pytest.mark.parametrize("body", ["todo!()", "Default::default()"])
def test_no_emptied_rust_reference_passes(roomy: Judge, body: str) -> None:
    candidates = [emptied(without_external(candidate), body) for candidate in rust_references()]
    verdicts = roomy.judge(candidates)
    passed = {verdict.id for verdict in verdicts if verdict.status in ("passed", "infrastructure")}
    # Its tests ask `result - expected < 1e-6`, which every small enough constant satisfies.
    assert passed <= {"Rust/4"}


def test_every_python_reference_passes(roomy: Judge) -> None:
    human = [
        Candidate(
            id=row["task_id"],
            code=row["prompt"] + row["canonical_solution"],
            tests=f"{row['test']}\n\ncheck({row['entry_point']})\n",
            entry_point=row["entry_point"],
            language="python",
        )
        for row in rows("HumanEval.jsonl.gz")
    ]
    basic = [
        Candidate(
            id=f"MBPP/{row['task_id']}",
            code=row["code"],
            tests="\n".join([row["test_setup_code"], *row["test_list"]]),
            entry_point=re.findall(r"\w+", row["test_list"][0].removeprefix("assert"))[0],
            language="python",
        )
        for row in rows("mbpp.jsonl")
    ]
    verdicts = roomy.judge([*human, *basic])
    assert len(verdicts) == 164 + 974
    assert [verdict for verdict in verdicts if verdict.status != "passed"] == []
