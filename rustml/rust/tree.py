"""Rust syntax trees: the one place that sets tree-sitter up."""

from collections.abc import Iterator
from functools import cache

import tree_sitter_rust
from tree_sitter import Language, Node, Parser


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_rust.language()))


def parse_tree(source: bytes) -> Node:
    """The root of the syntax tree; `has_error` where the source does not parse."""
    return _parser().parse(source).root_node


def descend(node: Node) -> Iterator[Node]:
    """The node and everything below it, in order of position."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children))


def node_text(node: Node | None) -> str:
    """The source text of a node, with U+FFFD for bytes that are not UTF-8; empty for none."""
    return node.text.decode(errors="replace") if node is not None and node.text is not None else ""
