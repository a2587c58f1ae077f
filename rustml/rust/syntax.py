"""Functions of a Rust file as byte spans, also where the file does not parse; its tokens and inner attributes."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from rustml.rust.tree import descend, node_text, parse_tree

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


def functions(source: bytes) -> list[Span]:
    """Functions with a body, in order of position; those inside another function are left out."""
    return list(_below(parse_tree(source), source, ""))


def _below(container: Node, source: bytes, header: str) -> Iterator[Span]:
    for node in container.named_children:
        body = node.child_by_field_name("body")
        if node.type == "function_item" and body is not None:
            yield _span(node, body, header)
        elif node.type in CONTAINERS:
            above = node.type in ("impl_item", "trait_item") and body is not None
            heading = (
                source[node.start_byte : body.start_byte].decode().strip() if above and body is not None else header
            )
            yield from _below(body if body is not None else node, source, heading)
        elif node.type == "ERROR":
            yield from _below(node, source, header)


def _span(node: Node, body: Node, header: str) -> Span:
    return Span(
        node_text(node.child_by_field_name("name")),
        node.start_byte,
        body.start_byte,
        node.end_byte,
        header,
        not node.has_error,
    )


def leaves(source: bytes) -> list[tuple[str, str]]:
    """Kind and text of every token, comments left out."""
    tokens: list[tuple[str, str]] = []
    stack = [parse_tree(source)]
    while stack:
        node = stack.pop()
        if "comment" in node.type:
            continue
        if node.child_count and node.type not in ("string_literal", "raw_string_literal", "char_literal"):
            stack += reversed(node.children)
        elif node.end_byte > node.start_byte:
            tokens.append((node.type, source[node.start_byte : node.end_byte].decode("utf-8", "replace")))
    return tokens


def inner_attributes(source: bytes) -> bool:
    """Whether there is an attribute about the item that it stands in: `#![...]`."""
    return any(node.type == "inner_attribute_item" for node in descend(parse_tree(source)))
