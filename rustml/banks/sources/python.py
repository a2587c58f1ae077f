"""HumanEval and MBPP, which measure whether the base model's Python is retained. Neither is trained on."""

import ast
import re
import warnings
from collections.abc import Iterable
from typing import Literal

import msgspec

from rustml.banks.bank import Bank, make_bank
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, typed
from rustml.records import Problem

ASSERTS = "asserts"
"""Tag of a problem: what prompts show of its tests, where that is not their beginning."""
MBPP_TEST = range(11, 511)
MBPP_PROMPTS = range(1, 11)
MBPP_VALIDATION = range(511, 601)


class HumanEvalRow(msgspec.Struct):
    """The columns of `openai/openai_humaneval`."""

    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


class MbppRow(msgspec.Struct):
    """The columns of `google-research-datasets/mbpp`, config `full`."""

    task_id: int
    text: str
    code: str
    test_list: list[str]
    test_setup_code: str


class MbppPlusRow(msgspec.Struct):
    """The columns of `evalplus/mbppplus`."""

    task_id: int
    prompt: str
    code: str
    test_list: list[str]
    test: str


def humaneval(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEval (Chen et al. 2021, arXiv:2107.03374). `instruction` is the prompt, byte for byte.

    The part of the prompt before the function (imports, helpers) is the prelude, for answers that do not repeat it.
    """
    return make_bank("humaneval", [_humaneval_problem(raw, "humaneval", "MIT") for raw in rows])


def humanevalplus(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEval+ (Liu et al. 2023, arXiv:2305.01210), with the columns of HumanEval: the same prompts, more tests."""
    name = "humanevalplus"
    return make_bank(name, [without_numpy(_humaneval_problem(raw, name, "Apache-2.0 AND MIT")) for raw in rows])


def _humaneval_problem(raw: LocatedRow, bank: str, licence: str) -> Problem:
    row = typed(raw, HumanEvalRow)
    head = re.search(rf"^def {re.escape(row.entry_point)}\(.*?\).*?:[ \t]*$", row.prompt, re.MULTILINE | re.DOTALL)
    if head is None:
        raise InputError(f"{raw.location}: `prompt` defines no function {row.entry_point}, which `entry_point` names")
    return Problem(
        id=row.task_id,
        bank=bank,
        split="test",
        language="python",
        instruction=row.prompt,
        entry_point=row.entry_point,
        reference=row.prompt + row.canonical_solution,
        tests=f"{row.test}\n\ncheck({row.entry_point})\n",
        licence=licence,
        trainable=False,
        signature=head.group().strip(),
        prelude=row.prompt[: head.start()],
    )


def mbpp(rows: Iterable[LocatedRow]) -> Bank:
    """MBPP (Austin et al. 2021, arXiv:2108.07732), tagged by its own subsets.

    `subset` is test (tasks 11-510, split test), prompt (1-10: the usual shots are 2, 3, 4), validation or train.
    `instruction` is the text alone; prompts show it with the asserts of `tests`. A set-up, which two tasks have and
    which builds on the solution's own class, precedes them there.
    """
    return make_bank("mbpp", [_mbpp_problem(raw) for raw in rows])


def _mbpp_problem(raw: LocatedRow) -> Problem:
    row = typed(raw, MbppRow)
    code = row.code.replace("\r\n", "\n").rstrip() + "\n"
    entry_point = _entry_point(raw.location, code, row.test_list)
    setup = row.test_setup_code.replace("\r\n", "\n").strip().splitlines()
    subset, split = _subset(row.task_id)
    return Problem(
        id=f"MBPP/{row.task_id}",
        bank="mbpp",
        split=split,
        language="python",
        instruction=row.text.strip(),
        entry_point=entry_point,
        reference=code,
        tests="\n".join([*setup, *row.test_list]) + "\n",
        licence="CC-BY-4.0",
        trainable=False,
        tags={"subset": subset},
    )


def mbppplus(rows: Iterable[LocatedRow]) -> Bank:
    """MBPP+ (Liu et al. 2023): 378 tasks of MBPP with more tests; prompts show the few asserts of `test_list`.

    Tasks 2, 3 and 4, which prompts show solved, are not asked.
    """
    return make_bank("mbppplus", [without_numpy(_mbppplus_problem(raw)) for raw in rows])


def _mbppplus_problem(raw: LocatedRow) -> Problem:
    row = typed(raw, MbppPlusRow)
    code = row.code.replace("\r\n", "\n").rstrip() + "\n"
    shown = row.task_id in MBPP_PROMPTS
    return Problem(
        id=f"MBPP/{row.task_id}",
        bank="mbppplus",
        split="train" if shown else "test",
        language="python",
        instruction=row.prompt.strip(),
        entry_point=_entry_point(raw.location, code, row.test_list),
        reference=code,
        tests=_loops_as_tests(raw.location, row.test.strip() + "\n"),
        licence="Apache-2.0 AND CC-BY-4.0",
        trainable=False,
        tags={"subset": "prompt" if shown else "test", ASSERTS: "\n".join(row.test_list)},
    )


def _loops_as_tests(location: str, text: str) -> str:
    """The tests with each loop at their top level as a test function, as which the judge counts it."""
    try:
        loops = [node for node in ast.parse(text).body if isinstance(node, ast.For)]
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{location}: `test` is not Python: {error}") from error
    lines = text.splitlines()
    for number, node in reversed(list(enumerate(loops))):
        first, last = node.lineno - 1, node.end_lineno or node.lineno
        lines[first:last] = [f"def test_inputs_{number}():", *(f"    {line}" for line in lines[first:last])]
    return "\n".join(lines) + "\n"


NUMPY = """class np:
    class ndarray:
        pass

    float32 = float64 = float

    @staticmethod
    def allclose(out, exp, rtol=1e-05, atol=1e-08):
        if isinstance(exp, (list, tuple)):
            pairs = list(zip(out, exp)) if isinstance(out, (list, tuple)) and len(out) == len(exp) else None
            return pairs is not None and all([np.allclose(one, other, rtol, atol) for one, other in pairs])
        return out == exp or abs(out - exp) <= atol + rtol * abs(exp)
"""
"""What the tests of EvalPlus use of numpy, which the sandbox does not have."""


def without_numpy(problem: Problem) -> Problem:
    """The problem with a stand-in for numpy in its tests; a task that needs more of it fails with its reference."""
    tests = re.sub(r"^import numpy as np\n", lambda _: NUMPY, problem.tests, count=1, flags=re.MULTILINE)
    return msgspec.structs.replace(problem, tests=tests)


def _subset(task: int) -> tuple[str, Literal["train", "dev", "test"]]:
    if task in MBPP_TEST:
        return "test", "test"
    if task in MBPP_PROMPTS:
        return "prompt", "train"
    return ("validation", "dev") if task in MBPP_VALIDATION else ("train", "train")


def _entry_point(location: str, code: str, tests: list[str]) -> str:
    """The first name that the tests call and the reference defines."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the data's own: patterns in plain strings, such as '\\w'
            defined = {node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
            calls = [node.func for test in tests for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Call)]
    except (SyntaxError, ValueError) as error:
        raise InputError(f"{location}: `code` or `test_list` is not Python: {error}") from error
    for call in calls:
        if isinstance(call, ast.Name) and call.id in defined:
            return call.id
    raise InputError(f"{location}: no function of `code` is called by `test_list`")
