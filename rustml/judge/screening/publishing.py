"""Edits that make a candidate's items visible to a crate of tests, which as a module beside them would see them."""

from collections.abc import Iterator

from rustml.judge.screening import imports
from rustml.judge.screening.items import Item, Scanner
from rustml.judge.screening.lint_attributes import lint_edits

Edit = tuple[int, int, str]
_VISIBLE = frozenset({"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"})
_WITH_FIELDS = frozenset({"struct", "union"})


def publish(scanner: Scanner, names: frozenset[str]) -> list[Edit]:
    """Edits (start, end, replacement in characters) that publish every item, and among the imports those `names`.

    A macro of these names is exported. A lint level that would stop the compilation becomes a warning.
    """
    edits = list(lint_edits(scanner))
    for item in scanner.items(0, len(scanner.tokens)):
        edits += _item(scanner, item, names, top=True)
    return edits


def _item(scanner: Scanner, item: Item, names: frozenset[str], *, top: bool) -> Iterator[Edit]:
    restricted = scanner.text(item.first) == "pub"
    if (item.keyword in _VISIBLE and (top or restricted)) or (
        item.keyword == "use" and _imports(scanner, item) & names
    ):
        yield from _visibility(scanner, item.first)
    if item.keyword == "macro_rules" and item.name in names:
        start = scanner.tokens[item.head].start
        yield start, start, "#[macro_export] "
    body = _body(scanner, item)
    if body is None:
        return
    if item.keyword in _WITH_FIELDS:
        yield from _fields(scanner, body)
    elif item.keyword == "mod":
        for inner in scanner.items(body + 1, scanner.pairs[body]):
            yield from _item(scanner, inner, names, top=False)
    elif item.keyword == "impl" and not _implements(scanner, item, body):
        for method in scanner.items(body + 1, scanner.pairs[body]):
            if method.keyword in ("fn", "const", "type"):
                yield from _visibility(scanner, method.first)


def _imports(scanner: Scanner, item: Item) -> frozenset[str]:
    """The names that a `use` declaration brings into scope."""
    declaration = scanner.tokens[item.head + 1 : max(item.end - 1, item.head + 1)]
    return frozenset(imports.imported_name(path) for path in imports.declared(declaration))


def _implements(scanner: Scanner, item: Item, body: int) -> bool:
    """Whether an `impl` is one of a trait: `for` stands in its head, and is not the one of higher-ranked bounds."""
    head = range(item.head, body)
    return any(scanner.text(index) == "for" and scanner.text(index + 1) != "<" for index in head)


def _body(scanner: Scanner, item: Item) -> int | None:
    """Index of the delimiter that opens an item's fields, methods or items."""
    if item.keyword not in ("mod", "impl", *_WITH_FIELDS):
        return None
    braces = scanner.text(item.end - 1) == "}"
    index, angle = item.head, 0
    while index < item.end:
        text = scanner.text(index)
        angle += (text == "<") - (text == ">")
        if braces and scanner.pairs.get(index) == item.end - 1:
            return index
        if not braces and item.keyword in _WITH_FIELDS and angle == 0 and text == "(":
            return index
        index = scanner.pairs.get(index, index) + 1
    return None


def _visibility(scanner: Scanner, first: int) -> Iterator[Edit]:
    end = scanner.visibility_end(first)
    start = scanner.tokens[first].start
    if end == first:
        yield start, start, "pub "
    elif end > first + 1:
        yield start, scanner.tokens[end - 1].end, "pub"


def _fields(scanner: Scanner, body: int) -> Iterator[Edit]:
    index, end = body + 1, scanner.pairs[body]
    while index < end:
        index, _ = scanner.attributes_end(index, end)
        if index >= end:
            return
        yield from _visibility(scanner, index)
        index = _behind_comma(scanner, index, end)


def _behind_comma(scanner: Scanner, index: int, end: int) -> int:
    angle = 0
    while index < end:
        text = scanner.text(index)
        angle += (text == "<") - (text == ">")
        index = scanner.pairs.get(index, index) + 1
        if text == "," and angle <= 0:
            return index
    return index
