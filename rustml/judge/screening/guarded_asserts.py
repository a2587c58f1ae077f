"""Comparisons inside `assert!`: each side has to be of a type whose equality only the language defines.

`assert!(f(1) == 2)` would believe any type that a candidate makes equal to everything. The edit turns it into
`assert!(*plain(&(f(1))) == *plain(&(2)))`, which such a type does not compile with.
"""

from rustml.rust.lexer import Token

_COMPARE = {"==", "!=", "<", "<=", ">", ">="}
_JOIN = {"&&", "||"}
Edit = tuple[int, int, str]


def guard_comparisons(found: list[Token], pairs: dict[int, int], harness: str, check: str) -> list[Edit]:
    """Edits (start, end, replacement) that guard every comparison at the top of an `assert!` condition."""
    edits: list[Edit] = []
    for index, token in enumerate(found[:-2]):
        if token.text in ("assert", "debug_assert") and found[index + 1].text == "!" and index + 2 in pairs:
            end = _condition_end(found, pairs, index + 3, pairs[index + 2])
            edits += _guard(found, pairs, index + 3, end, f"*::{harness}::{check}")
    return edits


def _condition_end(found: list[Token], pairs: dict[int, int], index: int, end: int) -> int:
    while index < end and found[index].text != ",":
        index = pairs.get(index, index) + 1
    return min(index, end)


def _guard(found: list[Token], pairs: dict[int, int], start: int, end: int, check: str) -> list[Edit]:
    """Guard the comparisons between the token indices `start` and `end`, split at `&&` and `||`."""
    edits: list[Edit] = []
    first = index = start
    operators: list[int] = []
    while index <= end:
        if index == end or found[index].text in _JOIN:
            edits += _sides(found, pairs, (first, operators, index), check)
            first, operators = index + 1, []
        elif found[index].text in _COMPARE and index > first:
            operators.append(index)
        index = pairs.get(index, index) + 1 if index < end else index + 1
    return edits


def _sides(found: list[Token], pairs: dict[int, int], part: tuple[int, list[int], int], check: str) -> list[Edit]:
    start, operators, end = part
    if start < end and found[start].text == "(" and pairs[start] == end - 1:
        return _guard(found, pairs, start + 1, end - 1, check)
    exact = [index for index in operators if found[index].text in ("==", "!=", "<=", ">=")]
    # Angle brackets may be generics: a lone `<` is a comparison, a pair of them is not.
    chosen = exact or (operators if len(operators) == 1 else [])
    if len(chosen) != 1 or start >= chosen[0] or chosen[0] + 1 >= end:
        return []
    middle = chosen[0]
    edits: list[Edit] = []
    for first, last in ((start, middle - 1), (middle + 1, end - 1)):
        edits.append((found[first].start, found[first].start, f"{check}(&("))
        edits.append((found[last].end, found[last].end, "))"))
    return edits
