"""Why a candidate is compiled alone: it could reach the others of its compilation, or be taken for one of them."""

from collections import Counter
from collections.abc import Sequence

from rustml.judge.screening.items import Scanner
from rustml.judge.screening.standard_names import PROTECTED
from rustml.rust.lexer import Token

_ALONE = {
    "crate": "names its crate",
    "macro_export": "exports a macro",
    "extern": "declares something external",
    "global_allocator": "sets the allocator",
    "panic_handler": "handles panics",
    "include": "includes a file",
    "include_str": "includes a file",
    "include_bytes": "includes a file",
    "path": "may name a file",
    "proc_macro": "is a macro crate",
    "no_std": "sets crate attributes",
    "file": "looks at its own source position",
    "module_path": "looks at its own source position",
    "type_name": "looks at its own source position",
    "caller": "looks at its own source position",
}
_REACHING = frozenset({"#", "mod", "super"})


def reason(stream: Sequence[Token], scanner: Scanner) -> str | None:
    """Why these tokens must not share a compilation with others; None where they may."""
    identifiers = {token.text for token in stream if token.kind == "ident"}
    named = identifiers & _ALONE.keys()
    if named:
        return _ALONE[min(named)]
    if "macro_rules" in identifiers and "impl" in identifiers:
        return "may implement a trait by a macro"
    return _reaches_out(scanner) or _foreign_impl(scanner)


def _reaches_out(scanner: Scanner) -> str | None:
    inside = 0  # behind the last module's closing brace
    for index, token in enumerate(scanner.tokens):
        if token.text not in _REACHING:
            continue
        follows = scanner.text(index + 1)
        if token.text == "#" and follows == "!":
            return "sets crate attributes"
        if token.text == "mod" and scanner.text(index + 2) == ";":
            return "names a file"
        if token.text == "mod" and scanner.text(index + 2) == "{":
            inside = max(inside, scanner.pairs[index + 2])
        if token.text == "super" and index >= inside:
            return "names its crate"
        if token.text == "super" and follows == "::" and scanner.text(index + 2) == "super":
            return "names its crate"
    return None


def _foreign_impl(scanner: Scanner) -> str | None:
    """Whether some `impl … for T` may influence what the compiler infers elsewhere in the crate, and for its users.

    It may not where `T` is a type that the text defines at its top level under a name that means nothing else.
    """
    harmless, head = (_own_types(scanner) - PROTECTED) | {"<"}, False
    for index, token in enumerate(scanner.tokens):
        if token.text == "impl":
            head = True
        elif token.text in ("{", ";"):
            head = False
        elif head and token.text == "for" and scanner.text(index + 1) not in harmless:
            return "implements a trait for a foreign type"
    return None


def _own_types(scanner: Scanner) -> set[str]:
    """Types that are defined once and never imported under their name."""
    pairs = zip(scanner.tokens, scanner.tokens[1:], strict=False)
    named = Counter(name.text for word, name in pairs if word.text in ("struct", "enum", "union"))
    imported, inside = set(), False
    for token in scanner.tokens:
        inside = token.text == "use" or (inside and token.text != ";")
        imported |= {token.text} if inside else set()
    return {name for name, count in named.items() if count == 1} - imported
