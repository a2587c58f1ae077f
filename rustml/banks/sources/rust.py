"""HumanEval-X, HumanEvalPack and MultiPL-E in Rust. All are evaluated on, never trained on."""

import re
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from rustml.banks.bank import Bank, make_bank
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, typed
from rustml.records import Problem

EDITION = "2021"
"""As HumanEval-X's own Cargo.toml says; MultiPL-E names none, and current models write this one."""
EXTERNAL = {"rand": r"\brand\s*::", "regex": r"\bRegex\b|\bregex\s*::", "md5": r"\bmd5\s*::"}
"""Crates that HumanEval-X imports everywhere, and how code shows that it needs one."""
MULTIPL_E_LICENCE = "LicenseRef-BSD-3-Clause-Machine-Learning-Restriction"
"""BSD-3-Clause and a fourth clause: "may not be used as training data for any machine learning model"."""
QUESTION = "Write a Rust function that solves this problem."
CONTRADICTORY = {"HumanEval_92": "its own tests contradict each other"}

_USE = re.compile(r"^[ \t]*use\s+([^;]+);[ \t]*\n?", re.MULTILINE)
_ASCII_EXT = re.compile(r"\bascii\s*::\s*AsciiExt\s*,?\s*|,\s*ascii\s*::\s*AsciiExt\b")
_SIGNATURE = re.compile(r"^(?:pub\s+)?fn\s+(\w+)[^{]*", re.MULTILINE)


class HumanEvalXRow(msgspec.Struct):
    """Columns of `humaneval_rust.jsonl` that are used; HumanEvalPack has them too."""

    task_id: str
    prompt: str
    declaration: str
    canonical_solution: str
    test: str


class HumanEvalPackRow(HumanEvalXRow):
    """Columns of `bigcode/humanevalpack`, config `rust`, that are used."""

    entry_point: str
    instruction: str


class HumanEvalFixRow(HumanEvalPackRow):
    """Columns of the same data set for repairing."""

    buggy_solution: str
    bug_type: str


class HumanEvalExplainRow(HumanEvalPackRow):
    """Columns of the same data set for explaining."""

    docstring: str


class MultiplERow(msgspec.Struct):
    """Columns of `nuprl/MultiPL-E`, configs `humaneval-rs` and `mbpp-rs`, that are used."""

    name: str
    language: str
    prompt: str
    tests: str


def humaneval_x(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEval-X Rust (Zheng et al. 2023, arXiv:2303.17568), without the problems that need a crate."""
    return _without_crates("humaneval-x-rust", map(_humaneval_x_problem, rows))


def _humaneval_x_problem(raw: LocatedRow) -> Problem:
    row = typed(raw, HumanEvalXRow)
    question = f"{QUESTION}\n\n{_uncomment(row.prompt)}"
    return _humaneval_problem(raw.location, row, "humaneval-x-rust", "Apache-2.0", question)


def humanevalpack(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEvalPack Rust (Muennighoff et al. 2023, arXiv:2308.07124), without the problems that need a crate."""
    return _without_crates("humanevalpack-rust", map(_humanevalpack_problem, rows))


def _humanevalpack_problem(raw: LocatedRow) -> Problem:
    row = typed(raw, HumanEvalPackRow)
    return _humaneval_problem(raw.location, row, "humanevalpack-rust", "MIT", row.instruction.strip())


def humanevalfix(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEvalFix: the same functions with a bug, to be repaired with the tests in view; by kind of bug."""
    return _without_crates("humanevalpack-rust-fix", map(_humanevalfix_problem, rows))


def _humanevalfix_problem(raw: LocatedRow) -> Problem:
    row = typed(raw, HumanEvalFixRow)
    problem = _humaneval_problem(raw.location, row, "humanevalpack-rust-fix", "MIT", "")
    buggy = f"{_split_declaration(row.declaration)[1]}{row.buggy_solution}".strip()
    question = (
        f"This Rust function has a bug:\n\n```rust\n{problem.prelude}{buggy}\n```\n\n"
        f"Its tests:\n\n```rust\n{problem.tests.strip()}\n```\n\n"
        f"Repair `{problem.entry_point}`, and answer with the whole function in one fenced block."
    )
    tags = {"category": row.bug_type.strip().replace(" ", "_")}
    return replace(problem, id=f"{row.task_id}/fix", instruction=question, broken=buggy, tags=tags)


def humanevalexplain(rows: Iterable[LocatedRow]) -> Bank:
    """HumanEvalExplain: a function to describe, and to write again from that description alone."""
    return _without_crates("humanevalpack-rust-explain", map(_humanevalexplain_problem, rows))


def _humanevalexplain_problem(raw: LocatedRow) -> Problem:
    """The description may be as long as the docstring that the data set has, as upstream cuts it."""
    row = typed(raw, HumanEvalExplainRow)
    problem = _humaneval_problem(raw.location, row, "humanevalpack-rust-explain", "MIT", "")
    limit = len(row.docstring)
    question = (
        f"Describe in at most {limit} characters what this Rust function does, in words and without code:\n\n"
        f"```rust\n{problem.prelude}{problem.reference.strip()}\n```"
    )
    return replace(problem, id=f"{row.task_id}/explain", instruction=question, tags={"characters": str(limit)})


def _without_crates(name: str, problems: Iterable[Problem]) -> Bank:
    """The problems that need no crate; the others are excluded, with the crates that they need."""
    fit: list[Problem] = []
    excluded: dict[str, str] = {}
    for problem in problems:
        needed = [crate for crate, use in EXTERNAL.items() if re.search(use, problem.reference + problem.tests)]
        if needed:
            excluded[problem.id] = f"needs the crate {', '.join(needed)}"
        else:
            fit.append(problem)
    return make_bank(name, fit, excluded)


def _humaneval_problem(location: str, row: HumanEvalXRow, bank: str, licence: str, question: str) -> Problem:
    prelude, body = _split_declaration(row.declaration)
    heads = list(_SIGNATURE.finditer(body))
    if not heads:
        raise InputError(f"{location}: `declaration` declares no function")
    problem = _problem(bank, licence, row.task_id, question, heads[-1])
    return replace(problem, reference=body + row.canonical_solution, tests=row.test.strip() + "\n", prelude=prelude)


def _problem(bank: str, licence: str, identity: str, question: str, head: re.Match[str]) -> Problem:
    """A problem with the declaration that `head` matched, as yet without reference, tests and prelude."""
    signature = head.group().strip()
    return Problem(
        id=identity,
        bank=bank,
        split="test",
        language="rust",
        instruction=f"{question}\n\n```rust\n{signature}\n```",
        entry_point=head.group(1),
        reference="",
        tests="",
        licence=licence,
        trainable=False,
        signature=signature,
        edition=EDITION,
    )


def _split_declaration(declaration: str) -> tuple[str, str]:
    """Imports, and the code after them, without external crates and the deprecated, unused `AsciiExt`."""
    imports = []
    for match in _USE.finditer(declaration):
        tree = _ASCII_EXT.sub("", match.group(1)).strip()
        if tree.split("::")[0].strip() not in EXTERNAL and tree not in ("std::", "std::{}"):
            imports.append(f"use {tree};\n")
    return "".join(imports), _USE.sub("", declaration).strip("\n")


def _uncomment(prompt: str) -> str:
    """The text of a `/* ... */` or `///` comment."""
    text = prompt.strip().removeprefix("/*").removesuffix("*/")
    return "\n".join([line.strip().removeprefix("///").strip() for line in text.strip().splitlines()])


def multipl_e(rows: Iterable[LocatedRow], config: str) -> Bank:
    """MultiPL-E Rust (Cassano et al. 2023, arXiv:2208.08227): `humaneval-rs` or `mbpp-rs`. It has no references.

    Its `main` of asserts becomes one `#[test]`, so that a problem passes or fails as a whole, as upstream.
    """
    problems: list[Problem] = []
    excluded: dict[str, str] = {}
    for raw in rows:
        row = typed(raw, MultiplERow)
        reason = next((why for known, why in CONTRADICTORY.items() if row.name.startswith(f"{known}_")), "")
        if reason:
            excluded[row.name] = reason
        else:
            problems.append(_multipl_e_problem(raw.location, row, f"multipl-e-{config}"))
    return make_bank(f"multipl-e-{config}", problems, excluded)


def _multipl_e_problem(location: str, row: MultiplERow, bank: str) -> Problem:
    if row.language != "rs":
        raise InputError(f"{location}: `language` is {row.language!r}, not 'rs': this is another MultiPL-E config")
    head = _SIGNATURE.search(row.prompt)
    tests = row.tests.strip().removeprefix("}").strip()
    if head is None or not tests.startswith("fn main() {"):
        raise InputError(f"{location}: `prompt` must declare a function, and `tests` hold `fn main() {{ ... }}`")
    question = f"{QUESTION}\n\n{_uncomment(_USE.sub('', row.prompt[: head.start()]))}"
    return replace(
        _problem(bank, MULTIPL_E_LICENCE, row.name, question, head),
        tests=f"#[test]\n{tests.replace('fn main()', 'fn examples()', 1)}\n",
        prelude="".join([f"use {match.group(1)};\n" for match in _USE.finditer(row.prompt[: head.start()])]),
    )
