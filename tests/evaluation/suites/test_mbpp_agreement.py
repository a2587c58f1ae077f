"""MBPP: our judge gives the verdict that running the solution and its asserts in a plain Python process gives.

Only references and mechanical mutants of them are executed outside the sandbox: nothing that a model wrote.
"""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.judge import Limits
from rustml.records import Problem, Verdict
from tests.support.python_mutants import KINDS, LOOP, RIGHT, WRONG, bank, disagreements, judged, mutant

DATA = os.environ.get("RUSTML_BENCHMARK_DATA")
GIBIBYTE = 1 << 30
DONE = "every assert held"
ROWS = [
    {
        "task_id": 11,
        "text": "Write a function that keeps the numbers below a bound, in their order.",
        "code": "def below(numbers, bound):\r\n    if bound == 0:\r\n        return []\r\n"
        "    return [n for n in numbers if n < bound]",
        "test_list": [
            "assert below([5, 1, 9], 6) == [5, 1]",
            "assert below([], 1) == []",
            "assert below([1], 0) == []",
        ],
        "test_setup_code": "",
    },
    {
        "task_id": 12,
        "text": "Write a function for the mean and the length of a list.",
        "code": "import math\r\ndef summary(xs):\r\n    total = math.fsum(xs)\r\n"
        "    return (total / len(xs), len(xs) + 0)",
        "test_list": ["assert summary([1, 2, 3]) == (2.0, 3)", "assert summary([0.5])[0] == 0.5"],
        "test_setup_code": "",
    },
    {
        "task_id": 13,
        "text": "Write a function to find the depth of a tree.",
        "code": "class Node:\r\n    def __init__(self, left=None, right=None):\r\n        self.left = left\r\n"
        "        self.right = right\r\ndef depth(node):\r\n    if node is None:\r\n        return 0\r\n"
        "    return 1 + max(depth(node.left), depth(node.right))",
        "test_list": ["assert depth(root) == 3", "assert depth(root.right) == 1"],
        "test_setup_code": "root = Node(Node(None, Node()), Node())",
    },
    {
        "task_id": 14,
        "text": "Write a function that tells whether a text is the same backwards.",
        "code": "def mirrored(text):\r\n    return text == text[::-1]",
        "test_list": ["assert mirrored('abba')", "assert mirrored('') == True", "assert not mirrored('ab')"],
        "test_setup_code": "",
    },
]


def plainly(problem: Problem, code: str, seconds: int) -> bool:
    """Whether the asserts hold, as a Python process of its own finds when it is given all of it as one program."""
    program = f"{code}\n{problem.tests}\nprint()\nprint({DONE!r})\n"

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (GIBIBYTE, GIBIBYTE))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60 * seconds,
        preexec_fn=confine,
        check=False,
    )
    return done.returncode == 0 and done.stdout.endswith(f"\n{DONE}\n")


Scored = tuple[list[Verdict], list[bool]]


def both(problems: Sequence[Problem], answers: Sequence[str], limits: Limits) -> Scored:
    """Our verdict on each answer, and whether it passes in a plain process."""
    codes = [str(PROTOCOLS["mbpp"].code(p, text)) for p, text in zip(problems, answers, strict=True)]
    verdicts = judged(problems, codes, limits)
    with ThreadPoolExecutor(2) as pool:
        passed = list(pool.map(lambda pair: plainly(*pair, int(limits.cpu_seconds)), zip(problems, codes, strict=True)))
    return verdicts, passed


def check(kind: str, scored: Scored) -> None:
    verdicts, passed = scored
    assert not disagreements(verdicts, passed)
    assert all(passed) or kind not in RIGHT
    assert not any(passed) or kind not in WRONG
    print(f"MBPP, {kind}: {len(passed)} items, {sum(passed)} pass, all agree")  # noqa: T201 - shown with -s


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scored]:
    """By kind, its mutants of this file's problems, scored both ways."""
    path = tmp_path_factory.mktemp("mbpp") / "mbpp.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    problems = bank("mbpp", path)
    asked = [(kind, problem) for kind in KINDS for problem in (problems[:1] if kind == LOOP else problems)]
    answers = [mutant(kind, problem.reference, problem.entry_point) for kind, problem in asked]
    named = [msgspec.structs.replace(problem, id=f"{problem.id}, {kind}") for kind, problem in asked]
    scored = list(zip(asked, *both(named, answers, Limits(cpu_seconds=1)), strict=True))
    of = {kind: [(verdict, right) for (own, _), verdict, right in scored if own == kind] for kind in KINDS}
    return {kind: ([verdict for verdict, _ in rows], [right for _, right in rows]) for kind, rows in of.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_few_problems_get_the_verdict_of_a_plain_process(few: dict[str, Scored], kind: str) -> None:
    check(kind, few[kind])


def test_the_mutants_tell_a_scorer_that_passes_all_from_one_that_passes_none(few: dict[str, Scored]) -> None:
    """Agreement says something only where the answer is open: some mutants of a kind pass and some do not."""
    assert sum(set(passed) == {True, False} for _, passed in few.values()) >= 5


def test_a_verdict_that_differs_is_found(few: dict[str, Scored]) -> None:
    verdicts, passed = few["as it is"]
    with pytest.raises(AssertionError, match="MBPP/12"):
        check("as it is", (verdicts, [passed[0], not passed[1], *passed[2:]]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:invalid escape sequence")  # patterns of the data's own, such as '\\w'
@pytest.mark.skipif(DATA is None, reason="RUSTML_BENCHMARK_DATA names no folder with mbpp.jsonl")
@pytest.mark.parametrize("kind", KINDS)
def test_all_500_problems_get_the_verdict_of_a_plain_process(kind: str) -> None:
    problems = [p for p in bank("mbpp", Path(str(DATA)) / "mbpp.jsonl") if p.split == "test"]
    assert len(problems) == 500
    asked = problems[::100] if kind == LOOP else problems
    answers = [mutant(kind, problem.reference, problem.entry_point) for problem in asked]
    check(kind, both(asked, answers, Limits(run_seconds=20, cpu_seconds=10)))
