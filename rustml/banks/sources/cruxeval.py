"""CRUXEval-X in Rust: what a function returns for given arguments, or which arguments give a result. Evaluated on only.

The answer is an expression. It becomes the body of a function `answer` of the declared type, and the tests, which hold
the function that is asked about, compare: an answer that calls that function is refused.
"""

import re
from collections.abc import Iterable
from functools import partial
from typing import Literal

import msgspec

from rustml.banks.bank import Bank, make_bank
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, typed
from rustml.judge.screening.signature import parse
from rustml.records import Problem

Part = Literal["output", "input"]
HOLE = "????"
EDITION = "2021"
ANSWER = "answer"
_USE = re.compile(r"^use [^;]+;[ \t]*\n", re.MULTILINE)


class CruxRow(msgspec.Struct):
    """The columns of `xhwl/cruxeval-x`, split `Rust`, and of upstream's `rs.jsonl`."""

    id: int
    code: str
    input_reasoning: str
    output_reasoning: str


def cruxeval(rows: Iterable[LocatedRow], part: Part) -> Bank:
    """CRUXEval-X Rust (Xu et al. 2024, arXiv:2408.13001), without the functions whose types an answer cannot have."""
    problems: list[Problem] = []
    excluded: dict[str, str] = {}
    for raw in rows:
        row = typed(raw, CruxRow)
        identity = f"CRUXEval-X/{row.id}/{part}"
        if identity in excluded:
            raise InputError(f"{raw.location}: two rows have the `id` {row.id}")
        function, statement, expression = _cut(raw.location, row, part)
        declared = parse(function, "f")
        if declared is None:
            raise InputError(f"{raw.location}: `code` declares no function `f`")
        output = declared.output.removeprefix("->").strip()
        kinds = [output] if part == "output" else list(declared.types)
        reason = _unanswerable(kinds)
        if reason:
            excluded[identity] = reason
            continue
        problems.append(_problem(identity, part, function, statement, expression, kinds))
    return make_bank(f"cruxeval-x-rust-{part}", problems, excluded)


output_prediction = partial(cruxeval, part="output")
input_prediction = partial(cruxeval, part="input")


def _cut(location: str, row: CruxRow, part: Part) -> tuple[str, str, str]:
    """The function, the statement with its hole, and what stood in the hole."""
    column = f"{part}_reasoning"
    masked = str(getattr(row, column)).removeprefix("}")
    before, hole, after = masked.strip().partition(HOLE)
    start = row.code.find(before)
    text = row.code.rstrip()
    if not hole or HOLE in after or start < 0 or not text.endswith(after):
        raise InputError(f"{location}: `{column}` is not the end of `code` with one {HOLE} in it")
    statement = next(line.strip() for line in f"{before}{HOLE}{after}".splitlines() if HOLE in line)
    return row.code[:start], statement, text[start + len(before) : len(text) - len(after)]


def _unanswerable(kinds: list[str]) -> str:
    """Why no expression can be returned as these types; empty where one can."""
    for kind in kinds:
        if "impl " in kind or "dyn " in kind or "&mut" in kind or "'" in kind or re.search(r"\b[A-Z]\b", kind):
            return f"an answer of the type `{kind}` cannot be given"
    return "" if all(kinds) else "it has nothing to predict"


def _problem(identity: str, part: Part, function: str, statement: str, expression: str, kinds: list[str]) -> Problem:
    owned = [kind.replace("&", "&'static ") for kind in kinds]
    returned = owned[0] if part == "output" else f"({', '.join(owned)},)"
    signature = f"fn {ANSWER}() -> {returned}"
    names = [f"a{number}" for number in range(len(kinds))]
    bound = "" if part == "output" else f"let ({', '.join(names)},) = {ANSWER}();\n    "
    filled = statement.replace(HOLE, f"{ANSWER}()" if part == "output" else ", ".join(names))
    body = expression if part == "output" else f"({expression},)"
    wanted = "the result" if part == "output" else "the arguments, separated by commas, for which it holds"
    return Problem(
        id=identity,
        bank=f"cruxeval-x-rust-{part}",
        split="test",
        language="rust",
        instruction=(
            f"```rust\n{function.strip()}\n```\n\nWith `let candidate = f;` this assertion holds:\n\n"
            f"```rust\n{statement}\n```\n\nWhat stands for {HOLE}? Give {wanted}, as Rust code without a call of "
            "the function. End your answer with the expression alone in one fenced block."
        ),
        entry_point=ANSWER,
        reference=f"{signature} {{\n    {body}\n}}\n",
        tests=f"{function.strip()}\n\n#[test]\nfn holds() {{\n    let candidate = f;\n    {bound}{filled}\n}}\n",
        licence="NOASSERTION",
        trainable=False,
        signature=signature,
        prelude="".join(_USE.findall(function)),
        edition=EDITION,
    )
