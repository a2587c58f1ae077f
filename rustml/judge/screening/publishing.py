"""Edits that make a candidate's items visible to a crate of tests, which as a module beside them would see them."""

from collections.abc import Iterator

from rustml.judge.screening import imports
from rustml.judge.screening.item_parts import (
    VISIBLE,
    WITH_FIELDS,
    Edit,
    behind_comma,
    body_of,
    implements,
    visibility,
)
from rustml.judge.screening.items import Item, Scanner
from rustml.judge.screening.lint_attributes import lint_edits
from rustml.judge.screening.macro_items import macro_edits, macros


def publish(scanner: Scanner, names: frozenset[str]) -> list[Edit]:
    """Edits (start, end, replacement in characters) that publish every item, and among the imports those `names`.

    A macro of these names is exported. A lint level that would stop the compilation becomes a warning.
    """
    rules = macros(scanner)
    edits = [*lint_edits(scanner), *macro_edits(scanner, rules)]
    for item in scanner.items(0, len(scanner.tokens)):
        edits += _item(scanner, item, names, top=True)
        if any(rule.passes for rule in rules.get(scanner.text(item.head), ())) and item.head + 2 in scanner.pairs:
            for inner in scanner.items(item.head + 3, scanner.pairs[item.head + 2]):
                edits += _item(scanner, inner, names, top=True)
    return edits


def _item(scanner: Scanner, item: Item, names: frozenset[str], *, top: bool) -> Iterator[Edit]:
    restricted = scanner.text(item.first) == "pub"
    if (item.keyword in VISIBLE and (top or restricted)) or (item.keyword == "use" and _imports(scanner, item) & names):
        yield from visibility(scanner, item.first)
    if item.keyword == "macro_rules" and item.name in names:
        start = scanner.tokens[item.head].start
        yield start, start, "#[macro_export] "
    body = body_of(scanner, item)
    if body is None:
        return
    if item.keyword in WITH_FIELDS:
        yield from _fields(scanner, body)
    elif item.keyword == "mod":
        for inner in scanner.items(body + 1, scanner.pairs[body]):
            yield from _item(scanner, inner, names, top=False)
    elif item.keyword == "impl" and not implements(scanner, item, body):
        for method in scanner.items(body + 1, scanner.pairs[body]):
            if method.keyword in ("fn", "const", "type"):
                yield from visibility(scanner, method.first)


def _imports(scanner: Scanner, item: Item) -> frozenset[str]:
    """The names that a `use` declaration brings into scope."""
    declaration = scanner.tokens[item.head + 1 : max(item.end - 1, item.head + 1)]
    return frozenset(imports.imported_name(path) for path in imports.declared(declaration))


def _fields(scanner: Scanner, body: int) -> Iterator[Edit]:
    index, end = body + 1, scanner.pairs[body]
    while index < end:
        index, _ = scanner.attributes_end(index, end)
        if index >= end:
            return
        yield from visibility(scanner, index)
        index = behind_comma(scanner, index, end)
