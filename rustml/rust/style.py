"""Style of Rust answers, read off the syntax tree: documentation, idioms, item kinds, and the prompt's own words.

These describe; no gate asks for them. Code that does not parse has no style, and is counted beside the rest.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from tree_sitter import Node

from rustml.records import Record
from rustml.rust.doc_comments import is_outer_doc
from rustml.rust.tree import descend, node_text, parse_tree

ITEMS: Mapping[str, str] = {
    "function": "function_item",
    "struct": "struct_item",
    "enum": "enum_item",
    "trait": "trait_item",
    "impl": "impl_item",
    "module": "mod_item",
}
ADAPTERS = frozenset(
    {"map", "filter", "filter_map", "flat_map", "fold", "zip", "enumerate", "take_while", "rev", "any", "all"}
)
IDIOMS = ("option_or_result", "question_mark", "iterator_chain", "pattern", "trait_impl", "borrowed_parameter")
_WORD = re.compile(r"[A-Za-z][a-z]{3,}")
_COMMON = frozenset({
    "with", "that", "this", "from", "into", "have", "your", "rust", "code", "function", "write", "given", "returns",
    "return", "which", "when",
})  # fmt: skip


class Style(Record, frozen=True):
    """What one answer's code looks like."""

    items: dict[str, int]
    """Items by kind (`function`, `struct`, ...); `test` counts functions with a test attribute."""
    documented: int
    """Items, tests aside, that a doc comment stands before."""
    documentable: int
    idioms: tuple[str, ...]
    """Those of IDIOMS that occur."""
    keywords: float
    """Share of the prompt's content words, in [0, 1], that occur among the code's words; 1 where it has none."""

    @property
    def documentation_rate(self) -> float:
        """Documented share of the items, 0 where there are none."""
        return self.documented / self.documentable if self.documentable else 0.0

    @property
    def idiom_score(self) -> float:
        """Share of IDIOMS that occur, in [0, 1]."""
        return len(self.idioms) / len(IDIOMS)


def style(code: str, prompt: str = "") -> Style | None:
    """The style of Rust source, or None where it does not parse."""
    root = parse_tree(code.encode())
    if root.has_error:
        return None
    nodes = list(descend(root))
    items = [(kind, node) for node in nodes for kind, name in ITEMS.items() if node.type == name]
    counts = Counter("test" if _is_test(node) else kind for kind, node in items)
    described = [node for _, node in items if not _is_test(node) and node.type not in {"impl_item", "mod_item"}]
    return Style(
        items=dict(counts),
        documented=sum(_has_doc(node) for node in described),
        documentable=len(described),
        idioms=tuple(name for name in IDIOMS if any(_shows(name, node) for node in nodes)),
        keywords=keyword_share(prompt, code),
    )


def keyword_share(prompt: str, code: str) -> float:
    """Share of the prompt's content words that the code's identifiers and comments hold."""
    prompt_words = {word.lower() for word in _WORD.findall(prompt)} - _COMMON
    code_words = {word.lower() for word in _WORD.findall(code.replace("_", " "))}
    return len(prompt_words & code_words) / len(prompt_words) if prompt_words else 1.0


def summary(codes: Sequence[tuple[str, str]]) -> dict[str, float]:
    """Means over (code, prompt) pairs that parse, and `parse_rate`, the share of all that do."""
    if not codes:
        return {}
    parsed = [report for report in (style(code, prompt) for code, prompt in codes) if report is not None]
    rates = {"parse_rate": len(parsed) / len(codes)}
    if parsed:
        rates["documentation_rate"] = sum(each.documentation_rate for each in parsed) / len(parsed)
        rates["idiom_score"] = sum(each.idiom_score for each in parsed) / len(parsed)
        rates["keyword_match"] = sum(each.keywords for each in parsed) / len(parsed)
        for kind in (*ITEMS, "test"):
            rates[f"has_{kind}"] = sum(kind in each.items for each in parsed) / len(parsed)
    return rates


def _before(node: Node) -> Iterator[Node]:
    """Attributes and comments right before an item, nearest first."""
    here = node.prev_sibling
    while here is not None and here.type in {"attribute_item", "line_comment", "block_comment"}:
        yield here
        here = here.prev_sibling


def _is_test(node: Node) -> bool:
    attributes = [node_text(before) for before in _before(node) if before.type == "attribute_item"]
    return node.type == "function_item" and any(re.fullmatch(r"#\[(\w+::)*test\]", text) for text in attributes)


def _has_doc(node: Node) -> bool:
    texts = [node_text(before) for before in _before(node)]
    return any(is_outer_doc(text) or text.startswith("#[doc") for text in texts)


def _shows(idiom: str, node: Node) -> bool:
    match idiom:
        case "option_or_result":
            return node.type == "type_identifier" and node_text(node) in {"Option", "Result"}
        case "question_mark":
            return node.type == "try_expression"
        case "iterator_chain":
            field = node.child_by_field_name("field") if node.type == "field_expression" else None
            return field is not None and node_text(field) in ADAPTERS
        case "pattern":
            return node.type in {"match_expression", "let_condition"}
        case "trait_impl":
            return node.type == "impl_item" and node.child_by_field_name("trait") is not None
        case _:
            kind = node.child_by_field_name("type") if node.type == "parameter" else None
            return kind is not None and kind.type == "reference_type"
