"""Whether macros of a dependency may have written something in a candidate that its tokens do not show.

A derive, an attribute or a macro of a dependency can implement equality for a candidate's type, and its arguments can
make two different values equal. Those that do not are listed; any other makes the candidate's own types distrusted.
"""

from collections.abc import Iterable, Sequence

from rustml.judge.screening import imports
from rustml.judge.screening.candidate_source import CandidateSource
from rustml.judge.screening.equality import ALL, OwnTypes
from rustml.judge.screening.standard_names import MACROS
from rustml.records import Dependency
from rustml.rust.lexer import Token

DERIVES = frozenset({
    "Debug", "Clone", "Copy", "PartialEq", "Eq", "PartialOrd", "Ord", "Hash", "Default",
    "Serialize", "Deserialize", "Error",
})  # fmt: skip
"""The language's own, and those of serde and thiserror."""
ATTRIBUTES = frozenset({
    "allow", "warn", "deny", "forbid", "expect", "doc", "inline", "must_use", "test", "cfg", "repr", "non_exhaustive",
    "track_caller", "cold", "default", "deprecated", "should_panic", "ignore", "macro_use", "macro_export", "rustfmt",
    "clippy", "derive", "automatically_derived", "serde", "error", "from", "source", "feature", "recursion_limit",
})  # fmt: skip
"""The language's own, and helpers of the derives above."""

_STANDARD = (DERIVES - {"Serialize", "Deserialize", "Error"}) | MACROS | ATTRIBUTES
"""Names that mean the standard library's, unless something is imported under them."""
_OWN_ROOTS = frozenset({"self", "super", "crate"})


def crate_names(dependencies: Iterable[Dependency]) -> frozenset[str]:
    """The names by which code calls the crates."""
    return frozenset(dependency.name.replace("-", "_") for dependency in dependencies)


def own_types(source: CandidateSource, dependencies: Sequence[Dependency]) -> OwnTypes:
    """The candidate's types; all distrusted where a macro of a dependency may have implemented their equality."""
    known = source.own_types
    if not dependencies or not written_by_macros(source):
        return known
    return OwnTypes(ALL, ALL, known.implemented_outside, known.reachable)


def written_by_macros(source: CandidateSource) -> bool:
    """Whether the text uses a derive, an attribute or a macro that a dependency may have brought."""
    if any(_may_shadow(source, path) for path in imports.leaves(source.code)):
        return True
    stream, allowed = source.tokens, MACROS | source.macros
    return any(_foreign(source, stream, index, allowed) for index in range(len(stream) - 1))


def _may_shadow(source: CandidateSource, path: str) -> bool:
    """Whether an import from a dependency may give a name of the standard library another meaning."""
    root = path.split("::", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    if root in _OWN_ROOTS or imports.in_standard(path) or any(item.name == root for item in source.items):
        return False
    name = imports.imported_name(path)
    return name == "*" or (" as " in path and name != "_") or name in _STANDARD


def _foreign(source: CandidateSource, stream: Sequence[Token], index: int, allowed: frozenset[str]) -> bool:
    token, follows = stream[index], stream[index + 1]
    if token.kind == "ident" and follows.text == "!" and _text(stream, index + 2) in ("(", "[", "{"):
        return token.text not in allowed or _text(stream, index - 1) == "::"
    if token.text != "#":
        return False
    start = index + 1 + (follows.text == "!")
    if _text(stream, start) != "[":
        return False
    name = _text(stream, start + 1)
    if name not in ATTRIBUTES or (_text(stream, start + 2) == "::" and name not in ("clippy", "rustfmt")):
        return True
    end = (source.partners or {}).get(start, len(stream))
    names = {word.text for word in stream[start + 2 : end] if word.kind == "ident"}
    return name == "derive" and not names <= DERIVES


def _text(stream: Sequence[Token], index: int) -> str:
    return stream[index].text if 0 <= index < len(stream) else ""
