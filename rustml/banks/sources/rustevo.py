"""RustEvo²: tasks that ask for an API of Rust or of a crate which changed between 1.71 and 1.84. Evaluated on only.

Upstream keeps the tasks and the API changes in two files of one order. A folder with both, or the file of tasks alone,
makes the bank; without the changes nothing says which API a task asks for, nor what kind of change it is.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from rustml.banks.bank import Bank, make_bank
from rustml.banks.sources.named_crates import named_crates
from rustml.errors import InputError
from rustml.hub_datasets import LocatedRow, local_rows, typed
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.test_file import TestFile
from rustml.records import Dependency, Problem, candidate_of
from rustml.rust.lexer import tokens

NAME = "rustevo2"
TASKS, CHANGES = "RustEvo^2.json", "APIDocs.json"
FILES = (f"Dataset/{TASKS}", f"Dataset/{CHANGES}")
EDITION = "2021"
"""Upstream gives rustc no edition; as 2015, which that means, the references with `async` would not compile."""
ENOUGH = 20
"""Tasks from which the order of two files can be judged by what the references name."""
_DECLARED = re.compile(r"\bfn\s+(\w+)|\b(?:struct|enum|trait)\s+(\w+)")


class ApiChange(msgspec.Struct):
    """The columns of `APIDocs.json`."""

    name: str
    change_type: str
    module: str | None = None
    crate: str | None = None
    signature: str | None = None
    documentation: str | None = None
    source_code: str | None = None
    from_version: str | None = None
    to_version: str | None = None


class RustEvoRow(msgspec.Struct):
    """The columns of `RustEvo^2.json`, with the API change where it is known."""

    task_idx: int
    query: str
    function_signature: str
    code: str
    test_program: str
    api: ApiChange | None = None


def rustevo_rows(path: Path) -> Iterator[LocatedRow]:
    """The tasks of a file, or of a folder, there each with its change under `api`.

    Raises InputError for files of different lengths, and where most references do without the API of their line: the
    order is all that says which change belongs to which task.
    """
    if not path.is_dir():
        yield from local_rows(path)
        return
    tasks, changes = list(local_rows(_held(path, TASKS))), list(local_rows(_held(path, CHANGES)))
    if len(tasks) != len(changes):
        raise InputError(f"{path}: {len(tasks)} tasks and {len(changes)} API changes; take both files of one version")
    pairs = list(zip(tasks, changes, strict=True))
    named = sum(str(change.value.get("name")) in str(task.value.get("code")) for task, change in pairs)
    if len(pairs) >= ENOUGH and 2 * named < len(pairs):
        raise InputError(f"{path}: {named} of {len(pairs)} references name the API of their line: the orders differ")
    for task, change in pairs:
        yield LocatedRow(task.location, {**task.value, "api": change.value})


def _held(folder: Path, name: str) -> Path:
    """The file of this name, or its `.gz`."""
    packed = folder / f"{name}.gz"
    return packed if packed.exists() else folder / name


def rustevo2(rows: Iterable[LocatedRow]) -> Bank:
    """RustEvo² (Liang et al. 2025, arXiv:2503.16922), without the tasks that no test decides."""
    problems: list[Problem] = []
    excluded: dict[str, str] = {}
    for raw in rows:
        row = typed(raw, RustEvoRow)
        identity = f"RustEvo2/{row.task_idx}"
        declared = _DECLARED.search(row.function_signature)
        if identity in excluded:
            raise InputError(f"{raw.location}: two tasks have the `task_idx` {row.task_idx}")
        if declared is None:
            excluded[identity] = "its signature declares neither a function nor a type"
            continue
        problem = _problem(identity, row, declared[1] or declared[2])
        fault = _unreadable(problem)
        if fault:
            excluded[identity] = fault
        else:
            problems.append(problem)
    return make_bank(NAME, problems, excluded)


def _problem(identity: str, row: RustEvoRow, entry_point: str) -> Problem:
    own = f"{row.function_signature}\n{row.code}"
    return Problem(
        id=identity,
        bank=NAME,
        split="test",
        language="rust",
        instruction=f"{row.query.strip()}\n\n```rust\n{row.function_signature.strip()}\n```",
        entry_point=entry_point,
        reference=row.code.strip() + "\n",
        tests=row.test_program.strip() + "\n",
        licence="Apache-2.0",
        trainable=False,
        signature=row.function_signature,
        edition=EDITION,
        policy="unsafe" if any(token.text == "unsafe" for token in tokens(own)) else "strict",
        pinned=False,
        dependencies=_dependencies(row),
        tags=_tags(row.api) if row.api else {},
    )


def _dependencies(row: RustEvoRow) -> tuple[Dependency, ...]:
    """The crates that reference and tests name; the one that changed in the version that has the change."""
    changed = {row.api.crate: f"={row.api.to_version}"} if row.api and row.api.crate and row.api.to_version else {}
    return tuple(
        msgspec.structs.replace(crate, version=changed.get(crate.package or crate.name, crate.version))
        for crate in named_crates(f"{row.code}\n{row.test_program}")
    )


def _tags(api: ApiChange) -> dict[str, str]:
    facts = {
        "Crate": api.crate,
        "Name": api.name,
        "Module": api.module,
        "Signature": api.signature,
        "Documentation": api.documentation,
        "Source code": api.source_code,
        "Changed from version": api.from_version,
        "Changed in version": api.to_version,
    }
    shown = "\n".join(f"- {title}: {text}" for title, text in facts.items() if text)
    return {"category": api.change_type, "api": api.name, "api_facts": shown}


def _unreadable(problem: Problem) -> str:
    """Why the judge could not run its tests; empty where it can."""
    try:
        TestFile(candidate_of(problem, problem.reference, "it"), CandidateSource(problem.reference))
    except InputError as error:
        return str(error).removeprefix("candidate it: ")
    return ""
