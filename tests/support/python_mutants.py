"""Mechanical mutants of Python solutions, and the judge's verdicts on them, for comparing it with other scorers.

Every mutant follows from a trusted reference by a rule of this file, so that it may be executed outside the sandbox.
"""

import ast
import copy
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rustml.banks import load_bank
from rustml.errors import EnvironmentFault
from rustml.judge import Judge, Limits
from rustml.records import Problem, Verdict, candidate_of

Edit = Callable[[ast.FunctionDef], None]
LOOP = "endless"
"""The one kind of mutant that costs each scorer its whole time limit."""
BOUNDARIES = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq}
OPERATORS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mod, ast.Mod: ast.FloorDiv}
# `kept` is the reference's entry point under another name, `result` what it returned, `given` its arguments.
AROUND = {
    "raises": "raise ValueError('no')",
    "raises what tests raise": "raise AssertionError",
    "raises no Exception": "raise KeyboardInterrupt",
    "asks to exit": "raise SystemExit(0)",
    "exits": "__import__('os')._exit(0)",
    LOOP: "while True: pass",
    "calls itself for ever": "return {name}(*given)",
    "returns None": "return None",
    "is right but for the second call": "return None if calls.append(given) or len(calls) == 2 else kept(*given)",
    "prints as well": "result = kept(*given); print(result); return result",
    "a tuple for a list": "result = kept(*given); return tuple(result) if isinstance(result, list) else result",
    "a list for a tuple": "result = kept(*given); return list(result) if isinstance(result, tuple) else result",
    "a float for an int": "result = kept(*given); return float(result) if type(result) is int else result",
    "an int for a bool": "result = kept(*given); return int(result) if type(result) is bool else result",
    "an iterator for a list": "result = kept(*given); return iter(result) if isinstance(result, list) else result",
    "text for anything": "return str(kept(*given))",
    "nearly the same number": "result = kept(*given); return result + 1e-9 if type(result) is float else result",
    "not a number": "result = kept(*given); return float('nan') if type(result) in (int, float) else result",
    "empties its arguments": "result = kept(*given)\n"
    "    for g in given:\n        if isinstance(g, list) and g is not result: g.clear()\n    return result",
}


def _constant(entry: ast.FunctionDef) -> None:
    """The last whole number of the function is one more."""
    numbers = [n for n in ast.walk(entry) if isinstance(n, ast.Constant) and type(n.value) is int]
    if numbers:
        last = max(numbers, key=lambda n: (n.lineno, n.col_offset))
        last.value = int(str(last.value)) + 1


def _boundary(entry: ast.FunctionDef) -> None:
    """Every comparison takes in, or leaves out, the boundary; equality becomes inequality."""
    for node in ast.walk(entry):
        if isinstance(node, ast.Compare):
            node.ops = [BOUNDARIES.get(type(op), type(op))() for op in node.ops]


def _operator(entry: ast.FunctionDef) -> None:
    """The first arithmetic operator is another one."""
    for node in ast.walk(entry):
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            node.op = OPERATORS[type(node.op)]()
            return


def _printed(entry: ast.FunctionDef) -> None:
    """What the function returned is printed instead."""

    class Printing(ast.NodeTransformer):
        def visit_Return(self, node: ast.Return) -> ast.Expr:
            shown = [node.value] if node.value else []
            return ast.Expr(ast.Call(ast.Name("print", ast.Load()), shown, []))

    entry.body = [Printing().visit(statement) for statement in entry.body]


def _shorter(entry: ast.FunctionDef) -> None:
    """The first statement after the docstring is gone."""
    start = int(ast.get_docstring(entry) is not None)
    entry.body[start:] = entry.body[start + 1 :] or [ast.Pass()]


EDITS: dict[str, Edit] = {
    "as it is": lambda _entry: None,
    "a constant off by one": _constant,
    "boundaries moved": _boundary,
    "another operator": _operator,
    "prints only": _printed,
    "without its first statement": _shorter,
}
KINDS = [*EDITS, *AROUND, "no Python"]
RIGHT = ("as it is", "prints as well")
"""Kinds that answer as the reference does."""
WRONG = ("raises", "raises what tests raise", "raises no Exception", "asks to exit", "exits", LOOP, "no Python")
"""Kinds that pass no test."""


def mutant(kind: str, source: str, name: str) -> str:
    """`source`, which defines the entry point `name`, mutated; unchanged where an edit finds nothing to change."""
    if kind in AROUND:
        body = AROUND[kind].format(name=name)
        return f"{source}\nkept, calls = {name}, []\ndef {name}(*given):\n    {body}\n"
    if kind not in EDITS:
        return source + "\ndef (:\n"
    tree = copy.deepcopy(ast.parse(source))
    entry = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    if entry:  # one or two entry points of MBPP are classes
        EDITS[kind](entry[-1])
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def bank(name: str, path: Path) -> tuple[Problem, ...]:
    return tuple(load_bank(name, path).problems)


def judged(problems: Sequence[Problem], codes: Sequence[str], limits: Limits) -> list[Verdict]:
    """Our verdicts. Skips the test where there is no sandbox."""
    try:
        with Judge(limits) as judge:
            verdicts = judge.judge([candidate_of(p, code, p.id) for p, code in zip(problems, codes, strict=True)])
    except EnvironmentFault as error:
        pytest.skip(f"no judge here: {error}")
    assert not [verdict for verdict in verdicts if verdict.status == "infrastructure"]
    return verdicts


def disagreements(verdicts: Sequence[Verdict], passed: Sequence[bool]) -> list[tuple[str, str, bool, str]]:
    """Where we and another scorer differ: item, our status, whether the other one passes it, our detail."""
    pairs = zip(verdicts, passed, strict=True)
    return [(v.id, v.status, right, v.detail) for v, right in pairs if (v.status == "passed") != right]
