"""Functions of a Rust file as byte spans, found with tree-sitter."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import tree_sitter_rust
from tree_sitter import Language, Node, Parser

CONTAINERS = frozenset({"mod_item", "impl_item", "trait_item", "declaration_list"})


@dataclass(frozen=True)
class Span:
    """One function: `start` is the first byte of its visibility or `fn`, attributes left out."""

    name: str
    start: int
    body: int
    """The opening brace."""
    end: int
    header: str
    """Header of the `impl` or `trait` that it stands in."""
    whole: bool
    """Whether it parses without an error."""


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_rust.language()))


def parse(source: bytes) -> Node:
    """The syntax tree's root."""
    return _parser().parse(source).root_node


def functions(source: bytes) -> list[Span]:
    """Functions with a body, in order of position; those inside another function are left out."""
    return list(_below(parse(source), source, ""))


def _below(container: Node, source: bytes, header: str) -> Iterator[Span]:
    for node in container.named_children:
        body = node.child_by_field_name("body")
        if node.type == "function_item" and body is not None:
            yield _span(node, body, source, header)
        elif node.type in CONTAINERS:
            above = node.type in ("impl_item", "trait_item") and body is not None
            own = source[node.start_byte : body.start_byte].decode().strip() if above and body is not None else header
            yield from _below(body if body is not None else node, source, own)
        elif node.type == "ERROR":
            yield from _below(node, source, header)


def _span(node: Node, body: Node, source: bytes, header: str) -> Span:
    name = node.child_by_field_name("name")
    text = "" if name is None else source[name.start_byte : name.end_byte].decode()
    return Span(text, node.start_byte, body.start_byte, node.end_byte, header, not node.has_error)


def leaves(source: bytes) -> list[tuple[str, str]]:
    """Kind and text of every token, comments left out."""
    found: list[tuple[str, str]] = []
    waiting = [parse(source)]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type:
            continue
        if node.child_count and node.type not in ("string_literal", "raw_string_literal", "char_literal"):
            waiting += reversed(node.children)
        elif node.end_byte > node.start_byte:
            found.append((node.type, source[node.start_byte : node.end_byte].decode("utf-8", "replace")))
    return found


def inner_attributes(source: bytes) -> bool:
    """Whether there is an attribute that speaks of what it stands in: `#![...]`."""
    waiting = [parse(source)]
    while waiting:
        node = waiting.pop()
        if node.type == "inner_attribute_item":
            return True
        waiting += node.children
    return False
