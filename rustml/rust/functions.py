"""Functions of a Rust file as byte-exact spans, found with tree-sitter.

Bodies are not descended into: a function inside a function belongs to its owner. What a macro writes is not seen.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from tree_sitter import Node

from rustml.rust.doc_comments import doc_lines, is_outer_doc
from rustml.rust.tree import descend, parse_tree

CONTAINERS = {"mod_item", "impl_item", "trait_item", "foreign_mod_item"}
PIECES = {"function_item", "struct_item", "enum_item", "impl_item", "trait_item"}
TEST = re.compile(rb"^#\[\s*(?:\w+::)*test\b|^#\[\s*cfg\s*\(\s*(?:all\s*\(\s*)?test\b")
UNFINISHED = re.compile(rb"\b(?:todo|unimplemented)!\s*[(\[{]")
MULTILINE = {"string_literal", "raw_string_literal"}


Kind = Literal["free", "inherent", "trait"]


@dataclass(frozen=True)
class Function:
    """One function: `leading + signature + body` is the source from `start` to `end`, decoded when asked for."""

    kind: Kind
    context: str
    """Header of the enclosing `impl` or `trait`, empty for a free function."""
    start: int
    """First byte of documentation and attributes."""
    fn_start: int
    body_start: int
    end: int
    in_test: bool
    source: bytes = field(repr=False, compare=False)
    node: Node = field(repr=False, compare=False)

    @property
    def name(self) -> str:
        """The function's name."""
        name = self.node.child_by_field_name("name")
        return "" if name is None else self.source[name.start_byte : name.end_byte].decode()

    @property
    def leading(self) -> str:
        """Documentation comments and attributes, as they stand."""
        return self.source[self.start : self.fn_start].decode()

    @property
    def signature(self) -> str:
        """From visibility to the opening brace, white space before it included."""
        return self.source[self.fn_start : self.body_start].decode()

    @property
    def body(self) -> str:
        """The block with its braces."""
        return self.source[self.body_start : self.end].decode()

    @property
    def text(self) -> str:
        """The function with all that leads it."""
        return self.source[self.start : self.end].decode()

    @property
    def indent(self) -> str:
        """White space before `start` on its line."""
        return _indent(self.source, self.start)

    @property
    def documentation(self) -> str:
        """The documentation comment, each line outdented, without attributes."""
        return "\n".join(doc_lines(self.leading))


@dataclass(frozen=True)
class Piece:
    """A stretch of a file that reads well by itself: an item, or a method in its `impl` header."""

    start: int
    end: int
    context: str
    """Header of the `impl` that a method stands in."""
    source: bytes = field(repr=False, compare=False)

    @property
    def length(self) -> int:
        """Bytes of the piece without its header: a bound on its text from below."""
        return self.end - self.start

    @property
    def text(self) -> str:
        """The piece, a method inside its header."""
        text = self.source[self.start : self.end].decode()
        return f"{self.context} {{\n{_indent(self.source, self.start)}{text}\n}}" if self.context else text


@dataclass
class File:
    """What one file holds."""

    functions: list[Function] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)


@dataclass(frozen=True)
class _Scope:
    """Where the walk stands."""

    kind: Kind
    context: str
    in_test: bool


def parses(text: str) -> bool:
    """Whether a text is Rust without a syntax error, as far as the grammar knows."""
    return not parse_tree(text.encode()).has_error


def parse(text: str) -> File | None:
    """The functions and pieces of a file in order of position, or None where it does not parse."""
    source = text.encode()
    root = parse_tree(source)
    if root.has_error:
        return None
    file = File()
    _walk(root, source, _Scope("free", "", in_test=False), file)
    return file


def _walk(container: Node, source: bytes, scope: _Scope, file: File) -> None:
    for node, lead, attributes in _items(container, source):
        in_test = scope.in_test or any(TEST.match(attribute) for attribute in attributes)
        kind = node.type
        if kind in PIECES and not in_test and not (scope.context and scope.kind == "trait"):
            file.pieces.append(Piece(lead, node.end_byte, scope.context, source))
        if kind == "function_item":
            function = _function(node, source, lead, scope, in_test=in_test)
            if function is not None:
                file.functions.append(function)
        elif kind in CONTAINERS:
            body = node.child_by_field_name("body")
            if body is not None:
                _walk(body, source, _inner(node, body, source, scope, in_test=in_test), file)


def _items(container: Node, source: bytes) -> Iterator[tuple[Node, int, list[bytes]]]:
    """Each item of a container with the start of its documentation and attributes, and the attributes' text."""
    lead: int | None = None
    attributes: list[bytes] = []
    for node in container.named_children:
        kind = node.type
        if kind == "attribute_item":
            attributes.append(source[node.start_byte : node.end_byte])
            lead = node.start_byte if lead is None else lead
        elif kind in ("line_comment", "block_comment"):
            if lead is None and is_outer_doc(source[node.start_byte : node.start_byte + 4].decode("utf-8", "replace")):
                lead = node.start_byte
        else:
            yield node, node.start_byte if lead is None else lead, attributes
            lead, attributes = None, []


def _inner(node: Node, body: Node, source: bytes, scope: _Scope, *, in_test: bool) -> _Scope:
    header = source[node.start_byte : body.start_byte].decode().strip()
    if node.type == "mod_item":
        return _Scope(scope.kind, scope.context, in_test)
    kind: Kind = "trait" if node.type == "trait_item" or node.child_by_field_name("trait") else "inherent"
    return _Scope(kind, header, in_test)


def _function(node: Node, source: bytes, lead: int, scope: _Scope, *, in_test: bool) -> Function | None:
    body = node.child_by_field_name("body")
    if body is None:
        return None
    return Function(
        kind=scope.kind,
        context=scope.context,
        start=lead,
        fn_start=node.start_byte,
        body_start=body.start_byte,
        end=node.end_byte,
        in_test=in_test,
        source=source,
        node=node,
    )


def _indent(source: bytes, start: int) -> str:
    line = source[source.rfind(b"\n", 0, start) + 1 : start]
    return line.decode() if line.isspace() else ""


def is_test(function: Function) -> bool:
    """Whether the function itself is a test, not merely test code."""
    return function.in_test and "#[test]" in function.leading


def is_unfinished(function: Function) -> bool:
    """Whether a body holds `todo!()` or `unimplemented!()`."""
    return UNFINISHED.search(function.body.encode()) is not None


def body_lines(function: Function) -> int:
    """Lines between the braces of a body that are not blank."""
    return sum(1 for line in function.body.strip()[1:-1].splitlines() if line.strip())


def outdent(text: str, function: Function) -> str:
    """`text`, a part of the function, with the function's own indentation taken off each line.

    A string literal that runs over lines stays as it is: its content would change.
    """
    if not function.indent:
        return text
    pieces: list[str] = []
    for literal in _literals_over_lines(function) if '"' in text else ():
        before, separator, after = text.partition(literal)
        if separator:
            pieces += [_shifted(before, function.indent), literal]
            text = after
    return "".join([*pieces, _shifted(text, function.indent)])


def _shifted(text: str, indent: str) -> str:
    return text.replace("\n" + indent, "\n")


def _literals_over_lines(function: Function) -> Iterator[str]:
    """The string literals of a function that run over lines, in order of position."""
    for part in descend(function.node):
        if part.type in MULTILINE and part.start_point.row != part.end_point.row:
            yield function.source[part.start_byte : part.end_byte].decode()


def stub(signature: str) -> str:
    """The declaration with the body `todo!()`, laid out as rustfmt does.

    The brace stands on a line of its own after the predicates of a `where` clause and after a comment, which would
    swallow it, else behind the signature.
    """
    bare = signature.rstrip()
    declaration = parse_tree(f"{bare}\n{{}}".encode()).named_children[0]
    clauses = [part for part in declaration.children if part.type == "where_clause"]
    comment = declaration.child_count > 1 and declaration.children[-2].type.endswith("comment")
    apart = comment or any(clause.named_child_count for clause in clauses)
    brace = "\n{" if apart else " {"
    return f"{bare}{brace}\n    todo!()\n}}"
