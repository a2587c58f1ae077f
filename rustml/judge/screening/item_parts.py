"""Parts of items: bodies, visibilities, fields."""

from collections.abc import Iterator

from rustml.judge.screening.items import Item, Scanner

Edit = tuple[int, int, str]
VISIBLE = frozenset({"fn", "struct", "enum", "union", "trait", "type", "const", "static", "mod"})
WITH_FIELDS = frozenset({"struct", "union"})


def implements(scanner: Scanner, item: Item, body: int) -> bool:
    """Whether an `impl` is one of a trait: `for` stands in its head, and is not the one of higher-ranked bounds."""
    head = range(item.head, body)
    return any(scanner.text(index) == "for" and scanner.text(index + 1) != "<" for index in head)


def body_of(scanner: Scanner, item: Item) -> int | None:
    """Index of the delimiter that opens an item's fields, methods or items."""
    if item.keyword not in ("mod", "impl", *WITH_FIELDS):
        return None
    braces = scanner.text(item.end - 1) == "}"
    index, angle = item.head, 0
    while index < item.end:
        text = scanner.text(index)
        angle += (text == "<") - (text == ">")
        if braces and scanner.pairs.get(index) == item.end - 1:
            return index
        if not braces and item.keyword in WITH_FIELDS and angle == 0 and text == "(":
            return index
        index = scanner.pairs.get(index, index) + 1
    return None


def visibility(scanner: Scanner, first: int) -> Iterator[Edit]:
    """The edit that makes what starts at `first` public."""
    end = scanner.visibility_end(first)
    start = scanner.tokens[first].start
    if end == first:
        yield start, start, "pub "
    elif end > first + 1:
        yield start, scanner.tokens[end - 1].end, "pub"


def behind_comma(scanner: Scanner, index: int, end: int) -> int:
    """The start of the next field or variant."""
    angle = 0
    while index < end:
        text = scanner.text(index)
        angle += (text == "<") - (text == ">")
        index = scanner.pairs.get(index, index) + 1
        if text == "," and angle <= 0:
            return index
    return index
