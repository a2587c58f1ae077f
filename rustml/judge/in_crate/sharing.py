"""Which candidates may stand beside others in one build of their crate, and why not.

The simplest wide class: the header is the reference's, word for word, and the body is one balanced block that declares
nothing beyond its own scope. Everything else is judged alone. Candidates are hostile: what one says to the whole crate
(implementations, macros at the level of modules, statics) is heard by its neighbours.
"""

from rustml.judge.in_crate.insertion import Insertion
from rustml.rust.lexer import Token, partners, significant, tokens

BEYOND_ITS_SCOPE = frozenset(
    {"impl", "trait", "mod", "static", "macro_rules", "macro", "extern", "cfg", "cfg_attr", "asm"}
)
"""Words of a body that may reach beyond it. An `impl` inside a function holds for the whole crate; a large static takes
memory from all programs that it is in."""
MACROS = frozenset(
    {
        "assert", "assert_eq", "assert_ne", "debug_assert", "debug_assert_eq", "debug_assert_ne", "eprint", "eprintln",
        "format", "format_args", "matches", "panic", "print", "println", "todo", "unimplemented", "unreachable", "vec",
        "write", "writeln",
    }
)  # fmt: skip
"""Macros that stand for an expression. Those of the crate or of a dependency may stand for items."""
STANDARD = frozenset({"std", "core", "alloc"})


def why_alone(insertion: Insertion) -> str:
    """Why a candidate shares no build, as a short name; empty for one that does."""
    header, body = (significant(tokens(text)) for text in (insertion.header, insertion.body))
    reference = insertion.site.reference.encode()
    own = significant(tokens(reference[: insertion.site.body - insertion.site.start].decode()))
    if [token[:2] for token in header] != [token[:2] for token in own]:
        return "signature"
    if _qualifiers(header) & {"const", "extern"}:
        return "const_or_extern_fn"
    if not (_is_one_block(body) and body[-1].end == len(insertion.body)):
        return "syntax"
    return _beyond_its_scope(body)


def why_own_program(insertion: Insertion) -> str:
    """Why a candidate that shares its check has a test program of its own; empty where it is one variant of many."""
    if _result_is_opaque(significant(tokens(insertion.header))):
        return "impl_result"
    words = {token.text for token in tokens(insertion.function) if token.kind == "ident"}
    return "unsafe" if "unsafe" in words else ""  # it could overwrite the number that chooses


def decides_elsewhere(insertion: Insertion) -> bool:
    """Whether its body decides what compiles in other functions: whether its opaque result is Send, for example."""
    header = significant(tokens(insertion.header))
    return "async" in _qualifiers(header) or _result_is_opaque(header)


def _qualifiers(header: list[Token]) -> set[str]:
    words = [token.text for token in header]
    return {*words[: words.index("fn")]}


def _result_is_opaque(header: list[Token]) -> bool:
    words = [token.text for token in header]
    return "->" in words and "impl" in words[words.index("->") :]


def _is_one_block(body: list[Token]) -> bool:
    """Whether the body ends with the brace that closes its first, by rules that are the same in every edition."""
    pairs = partners(body)
    if pairs is None or not body or pairs.get(0) != len(body) - 1 or body[0].text != "{":
        return False
    return not any(token.kind == "broken" or (token.kind == "string" and token.text[0] == "c") for token in body)


def _beyond_its_scope(body: list[Token]) -> str:
    words = {token.text for token in body if token.kind == "ident"}
    if words & BEYOND_ITS_SCOPE:
        return "item"
    if any(token.kind == "punct" and token.text == "#" for token in body):
        return "attribute"
    called = [number for number in range(1, len(body)) if body[number].text == "!" and body[number - 1].kind == "ident"]
    if any(not _is_expression_macro(body, number - 1) for number in called):
        return "macro"
    foreign = any(
        one.text == "use" and next((token.text for token in after if token.text != "::"), "") not in STANDARD
        for one, after in ((body[at], body[at + 1 : at + 3]) for at in range(len(body)))
    )
    return "import" if called and foreign else ""


def _is_expression_macro(body: list[Token], at: int) -> bool:
    """Whether the name at this position is a macro of the standard library that stands for an expression.

    `!` after a keyword, as in `return !x`, calls nothing.
    """
    if body[at].text in ("return", "in", "if", "while", "match", "else", "break", "as", "move", "mut"):
        return True
    qualified = at >= 2 and body[at - 1].text == "::"
    return body[at].text in MACROS and (not qualified or body[at - 2].text in STANDARD)
