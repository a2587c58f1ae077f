"""Problems that a crate's functions suggest, each judged where the function stands, before a judge has seen any."""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from rustml.judge.screening.imports import imported_name
from rustml.mining.drafts import BANK, documentation, instruction, problem_id, unsuited
from rustml.mining.excerpt import joined
from rustml.mining.items import CrateItems, Item, type_name, words
from rustml.mining.scope import Scope
from rustml.profile.mine import MineSection
from rustml.records import Problem, SourceFile
from rustml.rust.functions import Function, outdent, parse
from rustml.rust.tree import parse_tree
from rustml.sharding import Funnel

FUNCTION = "in_crate.function"
"""The step of the funnel."""
IN_CRATE = "crate"
"""Value of the tag `world` of a problem that is judged in its crate."""


def crate_drafts(files: Sequence[SourceFile], section: MineSection, funnel: Funnel) -> Iterator[Problem]:
    """The problems of one crate's files, without the tests that cover them, in order of file and position.

    Methods of traits and of their implementations are among them. What makes none is counted by its reason.
    """
    crate = CrateItems(files[0].origin.name, files)
    for file in sorted(files, key=lambda one: one.origin.path):
        path = file.origin.path
        if not path.startswith("src/") or PurePosixPath(path).name == "main.rs":
            continue
        parsed = parse(file.text)
        for function in parsed.functions if parsed else ():
            if function.in_test:
                continue
            reason = unsuited(function.leading, function.signature + function.body, section)
            if reason:
                funnel.drop(FUNCTION, reason, f"{file.origin.label}: {function.name}")
                continue
            funnel.keep(FUNCTION)
            yield _problem(function, crate, file, section)


def _problem(function: Function, crate: CrateItems, file: SourceFile, section: MineSection) -> Problem:
    header, owner = function.context, _owner(function.context)
    code, signature = function.signature + function.body, function.signature.strip()
    if not header:  # else it stands in its block as in its file
        code, signature = outdent(code, function), outdent(signature, function)
    docs = documentation(function.leading, with_examples=section.examples == "left_in")
    outline = _surroundings(function, owner, crate, file.origin.path, section.max_outline_characters)
    return Problem(
        id=problem_id(file.origin, function.fn_start),
        bank=BANK,
        split="train",
        language="rust",
        instruction=instruction(function.name, header, signature, docs, outline, crate=file.origin.name),
        entry_point=f"{owner}::{function.name}" if header else function.name,
        reference=f"{header} {{\n    {code}\n}}\n" if header else f"{code}\n",
        tests="",
        licence=file.origin.licence,
        origin=file.origin,
        span=(function.fn_start, function.end),
        tags={"crate": file.origin.name, "kind": "method" if header else "fn", "world": IN_CRATE},
    )


def _owner(header: str) -> str:
    """The type or trait that a header names; `Self` where it names none, as an `impl` for a tuple."""
    node = next(iter(parse_tree(f"{header} {{}}".encode()).named_children), None) if header else None
    if node is None:
        return "Self"
    return type_name(node.child_by_field_name("name" if node.type == "trait_item" else "type")) or "Self"


def _surroundings(function: Function, owner: str, crate: CrateItems, path: str, most: int) -> str:
    """What a caller sees of the items that a function names, of `most` characters at most.

    Types are whole, functions without bodies; imports of the file are those that the function uses. Of a longer list
    the end is left out: types of the signature come first, then what the body names, then what those types hold.
    """
    own = next((item for item in crate.files[path].items if item.start == function.fn_start), None)
    scope = Scope(crate, own)
    text = f"{function.context} {function.signature}{function.body}"
    near = sorted(words(f"{function.context} {function.signature}"))
    names = list(dict.fromkeys([owner, *near, *sorted(words(function.body))]))
    items = dict.fromkeys(item for name in names for item in scope.named_in(name, path))
    paths = (scope.anywhere(match["name"], match["path"] + match["name"]) for match in crate.path.finditer(text))
    items |= dict.fromkeys(item for some in paths for item in some)
    inner = sorted(frozenset().union(*(item.words for item in items if item.kind == "type")))
    within = (item for name in inner for item in scope.named_in(name, path) if item.kind in ("type", "alias"))
    members = (item for item in crate.by_owner.get(owner, ()) if item.kind == "method" and item.name in names)
    chosen: list[Item] = []
    for item in dict.fromkeys([*items, *members, *within]):
        most -= len(item.outline)
        if most < 0:
            break
        if (item.file, item.start) != (path, function.fn_start):
            chosen.append(item)
    imports = [one for one in crate.files[path].leaves if imported_name(one) in names]
    head = "".join(f"use {one};\n" for one in sorted(set(imports)))
    ordered = sorted(chosen, key=lambda item: (item.file, item.start))
    return head + joined(ordered, [item.outline for item in ordered])
