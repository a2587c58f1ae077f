"""HumanEval or MBPP of one model by lm-evaluation-harness and by this project, item by item.

`python -m benchmarks.agreement SAMPLES ITEMS`: SAMPLES is the `samples_*.jsonl` that `lm_eval --log_samples` writes,
ITEMS the `items-*.jsonl` of a run of the stage `evaluate`. Prints one table of counts, and a line per item whose
verdicts differ with the first thing that differs: the prompt, the answer, or the judgement of one and the same answer.
Ends with 1 where the same answer was judged differently. docs/evaluation.md says how both are run.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rustml.errors import InputError

SHOWN = 40
"""Characters of each text that are shown from where two differ."""


@dataclass(frozen=True)
class Item:
    """What one of the two says of a problem."""

    prompt: str
    answer: str
    passed: bool


def theirs(rows: Iterable[Mapping[str, Any]]) -> dict[str, Item]:
    """Items of lm_eval's log, by HumanEval's `task_id`, or by MBPP's with `MBPP/` before the number."""
    return {_id(row["doc"]): Item(_prompt(row), row["resps"][0][0], _passed(row)) for row in rows}


def ours(rows: Iterable[Mapping[str, Any]]) -> dict[str, Item]:
    """Items of this project's log; where several samples were drawn, the first."""
    first = [row for row in rows if row["sample"] == 0]
    return {row["id"]: Item(row["prompt"], row["completion"], row["verdict"]["status"] == "passed") for row in first}


def compared(left: Mapping[str, Item], right: Mapping[str, Item]) -> dict[str, str]:
    """The first difference of each item that both have: `prompt`, `answer`, `judgement`, or nothing."""
    return {name: _difference(left[name], right[name]) for name in sorted(left.keys() & right.keys(), key=_order)}


def table(left: Mapping[str, Item], right: Mapping[str, Item]) -> str:
    """Counts by first difference: items, verdicts that agree, and passed by each."""
    differences = compared(left, right)
    rows = [f"{'first difference':18} {'items':>6} {'agree':>6} {'lm_eval':>8} {'rustml':>7}"]
    for kind, count in [*sorted(Counter(differences.values()).items()), ("all", len(differences))]:
        names = [name for name, difference in differences.items() if kind in ("all", difference)]
        agree = sum(left[name].passed == right[name].passed for name in names)
        passed = [sum(side[name].passed for name in names) for side in (left, right)]
        rows.append(f"{kind or 'none':18} {count:>6} {agree:>6} {passed[0]:>8} {passed[1]:>7}")
    return "\n".join(rows)


def disagreements(left: Mapping[str, Item], right: Mapping[str, Item]) -> list[str]:
    """A line per item that one passes and the other does not, with the first texts that differ."""
    return [
        f"{name}: lm_eval {_verdict(left[name])}, rustml {_verdict(right[name])}; "
        f"{_where(left[name], right[name], kind)}"
        for name, kind in compared(left, right).items()
        if left[name].passed != right[name].passed
    ]


def _difference(left: Item, right: Item) -> str:
    if not right.prompt.endswith(left.prompt):  # a start token stands in our text, and in their ids
        return "prompt"
    if left.answer != right.answer:
        return "answer"
    return "" if left.passed == right.passed else "judgement"


def _where(left: Item, right: Item, kind: str) -> str:
    if kind not in ("prompt", "answer"):
        return "the same answer"
    first, second = (left.prompt, right.prompt) if kind == "prompt" else (left.answer, right.answer)
    at = next((index for index, pair in enumerate(zip(first, second, strict=False)) if len(set(pair)) > 1), 0)
    return f"{kind} from character {at}: {first[at : at + SHOWN]!r} and {second[at : at + SHOWN]!r}"


def _verdict(item: Item) -> str:
    return "passed" if item.passed else "failed"


def _id(document: Mapping[str, Any]) -> str:
    name = document["task_id"]
    return name if isinstance(name, str) else f"MBPP/{name}"


def _order(name: str) -> tuple[str, int]:
    bank, _, number = name.partition("/")
    return bank, int(number)


def _prompt(row: Mapping[str, Any]) -> str:
    return str(row["arguments"]["gen_args_0"]["arg_0"])


def _passed(row: Mapping[str, Any]) -> bool:
    """By the task's metric, which is `pass@1` or `pass_at_1`."""
    return bool(next(row[name] for name in ("pass@1", "pass_at_1", "pass_at_k") if name in row))


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: {error}: give the samples file of lm_eval, then the items file of `evaluate`"
        ) from error


def main(arguments: Sequence[str]) -> int:
    """Read both files, print the table and what differs."""
    if len(arguments) != 2:
        print(__doc__)
        return 2
    left, right = theirs(_rows(Path(arguments[0]))), ours(_rows(Path(arguments[1])))
    if not left.keys() & right.keys():
        raise InputError(f"{arguments[0]} and {arguments[1]} have no item in common")
    print(table(left, right))
    print("\n".join(disagreements(left, right)))
    return int("judgement" in compared(left, right).values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
