"""Comparisons inside `assert!`: each side has to be of a type whose equality only the language defines.

`assert!(f(1) == 2)` would believe any type that a candidate makes equal to everything. The edit turns it into
`assert!(*plain(&(f(1))) == *plain(&(2)))`, which such a type does not compile with.
"""

from rustml.rust.lexer import Token

_COMPARE = {"==", "!=", "<", "<=", ">", ">="}
_JOIN = {"&&", "||"}
Edit = tuple[int, int, str]


def guard_comparisons(stream: list[Token], pairs: dict[int, int], harness: str, check: str) -> list[Edit]:
    """Edits (start, end, replacement) that guard every comparison at the top of an `assert!` condition."""
    edits: list[Edit] = []
    for index, token in enumerate(stream[:-2]):
        if token.text in ("assert", "debug_assert") and stream[index + 1].text == "!" and index + 2 in pairs:
            end = _condition_end(stream, pairs, index + 3, pairs[index + 2])
            edits += _guard(stream, pairs, index + 3, end, f"*::{harness}::{check}")
    return edits


def _condition_end(stream: list[Token], pairs: dict[int, int], index: int, end: int) -> int:
    while index < end and stream[index].text != ",":
        index = pairs.get(index, index) + 1
    return min(index, end)


def _guard(stream: list[Token], pairs: dict[int, int], start: int, end: int, check: str) -> list[Edit]:
    """Guard the comparisons between the token indices `start` and `end`, split at `&&` and `||`."""
    edits: list[Edit] = []
    first = index = start
    operators: list[int] = []
    while index <= end:
        if index == end or stream[index].text in _JOIN:
            edits += _sides(stream, pairs, (first, operators, index), check)
            first, operators = index + 1, []
        elif stream[index].text in _COMPARE and index > first:
            operators.append(index)
        index = pairs.get(index, index) + 1 if index < end else index + 1
    return edits


def _sides(stream: list[Token], pairs: dict[int, int], part: tuple[int, list[int], int], check: str) -> list[Edit]:
    start, operators, end = part
    if start < end and stream[start].text == "(" and pairs[start] == end - 1:
        return _guard(stream, pairs, start + 1, end - 1, check)
    exact = [index for index in operators if stream[index].text in ("==", "!=", "<=", ">=")]
    # Angle brackets may be generics: a lone `<` is a comparison, a pair of them is not.
    comparisons = exact or (operators if len(operators) == 1 else [])
    if len(comparisons) != 1 or start >= comparisons[0] or comparisons[0] + 1 >= end:
        return []
    middle = comparisons[0]
    edits: list[Edit] = []
    for first, last in ((start, middle - 1), (middle + 1, end - 1)):
        edits.append((stream[first].start, stream[first].start, f"{check}(&("))
        edits.append((stream[last].end, stream[last].end, "))"))
    return edits
