"""Comparisons inside `assert!`: each side has to be of a type whose comparison can be trusted.

`assert!(f(1) == 2)` would believe any type that a candidate makes equal to everything. The edit turns it into
`assert!(*plain(&(f(1))) == *plain(&(2)))`, where the harness looks at the types; see harness/trust.rs.
"""

from rustml.rust.lexer import Token

_COMPARE = {"==", "!=", "<", "<=", ">", ">="}
_JOIN = {"&&", "||"}
_BEFORE_A_PATH = {"::", "(", "!", "&", "*", ","}
Edit = tuple[int, int, str]


def guard_comparisons(stream: list[Token], pairs: dict[int, int], harness: str, starts: list[int]) -> list[Edit]:
    """Edits (start, end, replacement) that guard every comparison at the top of the conditions of `assert!`.

    `starts` are the indices of the macro's names.
    """
    edits: list[Edit] = []
    for index in starts:
        if stream[index].text in ("assert", "debug_assert") and index + 2 in pairs:
            end = _condition_end(stream, pairs, index + 3, pairs[index + 2])
            edits += _guard(stream, pairs, index + 3, end, harness)
    return edits


def _condition_end(stream: list[Token], pairs: dict[int, int], index: int, end: int) -> int:
    while index < end and stream[index].text != ",":
        index = _behind(stream, pairs, index, end)
    return min(index, end)


def _behind(stream: list[Token], pairs: dict[int, int], index: int, end: int) -> int:
    """Behind the token at `index`, or behind what it opens: a group, or the angle brackets of generic arguments."""
    text, before = stream[index].text, stream[index - 1].text
    if text != "<" or not (before in _BEFORE_A_PATH or before in _COMPARE or before in _JOIN):
        return pairs.get(index, index) + 1
    angle = 0
    for at in range(index, end):
        angle += (stream[at].text == "<") - (stream[at].text == ">")
        if angle == 0:
            return at + 1
    return index + 1


def _guard(stream: list[Token], pairs: dict[int, int], start: int, end: int, harness: str) -> list[Edit]:
    """Guard the comparisons between the token indices `start` and `end`, split at `&&` and `||`."""
    edits: list[Edit] = []
    first = index = start
    operators: list[int] = []
    while index <= end:
        if index == end or stream[index].text in _JOIN:
            edits += _sides(stream, pairs, (first, operators, index), harness)
            first, operators = index + 1, []
        following = _behind(stream, pairs, index, end) if index < end else index + 1
        if index < end and stream[index].text in _COMPARE and index > first and following == index + 1:
            operators.append(index)
        index = following
    return edits


def _sides(stream: list[Token], pairs: dict[int, int], part: tuple[int, list[int], int], harness: str) -> list[Edit]:
    start, operators, end = part
    inner = start + 1 if start < end and stream[start].text == "!" else start
    if inner < end and stream[inner].text == "(" and pairs[inner] == end - 1:
        return _guard(stream, pairs, inner + 1, end - 1, harness)
    exact = [index for index in operators if stream[index].text in ("==", "!=", "<=", ">=")]
    # Angle brackets may be generics: a lone `<` is a comparison, a pair of them is not.
    comparisons = exact or (operators if len(operators) == 1 else [])
    if len(comparisons) != 1 or start >= comparisons[0] or comparisons[0] + 1 >= end:
        return []
    middle = comparisons[0]
    check = f"*::{harness}::{'plain' if stream[middle].text in ('==', '!=') else 'ordered'}"
    edits: list[Edit] = []
    for first, last in ((start, middle - 1), (middle + 1, end - 1)):
        edits.append((stream[first].start, stream[first].start, f"{check}(&("))
        edits.append((stream[last].end, stream[last].end, "))"))
    return edits
