"""Wrong variants of a function: bodies that do nothing, and mutants. Tests that pass them say little.

Mutants change one place each (DeMillo, Lipton and Sayward, "Hints on test data selection", 1978): an operator, a
literal, a condition, a method with an opposite, a statement that is taken away, a value or an argument that becomes the
default of its type, or a branch that panics.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from tree_sitter import Node

from rustml.rust.tree import descend, node_text, parse_tree

OPERATORS = {
    "+": "-", "-": "+", "*": "+", "/": "*", "%": "/", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=",
    "!=": "==", "&&": "||", "||": "&&", "<<": ">>", ">>": "<<", "&": "|", "|": "&", "^": "&", "+=": "-=", "-=": "+=",
    "*=": "+=", "..": "..=", "..=": "..",
}  # fmt: skip
OPPOSITES = {
    "min": "max", "max": "min", "first": "last", "last": "first", "any": "all", "all": "any", "is_some": "is_none",
    "is_none": "is_some", "is_ok": "is_err", "is_err": "is_ok", "skip": "take", "take": "skip", "find": "rfind",
    "rfind": "find", "position": "rposition", "push_front": "push_back", "push_back": "push_front",
    "pop_front": "pop_back", "pop_back": "pop_front", "starts_with": "ends_with", "ends_with": "starts_with",
    "to_uppercase": "to_lowercase", "to_lowercase": "to_uppercase", "skip_while": "take_while",
    "take_while": "skip_while", "wrapping_add": "wrapping_sub", "wrapping_sub": "wrapping_add",
    "saturating_sub": "saturating_add", "saturating_add": "saturating_sub", "front": "back", "back": "front",
    "next": "next_back", "next_back": "next", "trim_start": "trim_end", "trim_end": "trim_start", "Less": "Greater",
    "Greater": "Less", "splitn": "rsplitn", "insert": "remove",
}  # fmt: skip
BINARY = {"binary_expression", "compound_assignment_expr", "range_expression"}
STATEMENTS = {"expression_statement"}
Edit = tuple[int, int, str]
"""Byte offsets in the code, and the text that takes their place."""


@dataclass(frozen=True)
class Body:
    """Code with the places of its functions' blocks."""

    code: str
    """A function, an `impl` with it alone, or a file of several functions."""

    @cached_property
    def _functions(self) -> list[Node]:
        """The functions with a block that stand in no other one's block."""
        nodes = (node for node in descend(parse_tree(self.code.encode())) if node.type == "function_item")
        outer: list[Node] = []
        for node in sorted(nodes, key=lambda node: node.start_byte):
            if not outer or node.start_byte >= outer[-1].end_byte:
                outer.append(node)
        return outer

    @property
    def _function(self) -> Node:
        return self._functions[0]

    @property
    def _blocks(self) -> list[Node]:
        return [block for node in self._functions if (block := node.child_by_field_name("body")) is not None]

    def with_block(self, block: str) -> str:
        """The code with another block in each of its functions."""
        return self._edited(*((node.start_byte, node.end_byte, block) for node in self._blocks))

    def trivial(self) -> Iterator[str]:
        """The function with bodies that need no thought: a default value, `true`, an argument as it came."""
        result = node_text(self._function.child_by_field_name("return_type"))
        yield self.with_block("{ Default::default() }" if result else "{ }")
        if result == "bool":
            yield self.with_block("{ true }")
        argument = self._first_argument()
        if argument and result:
            yield from (self.with_block(f"{{ {argument}{way} }}") for way in ("", ".clone()", ".into()"))
            if result.startswith("Option"):
                yield self.with_block(f"{{ Some({argument}) }}")

    def _first_argument(self) -> str:
        parameters = self._function.child_by_field_name("parameters")
        for node in parameters.named_children if parameters is not None else ():
            if node.type == "self_parameter":
                return "self"
            if node.type == "parameter":
                pattern = node.child_by_field_name("pattern")
                return node_text(pattern) if pattern is not None and pattern.type == "identifier" else ""
        return ""

    def mutants(self, most: int) -> list[str]:
        """At most so many mutants, chosen by a stable hash of the place and the change."""
        edits = sorted(
            {*(edit for block in self._blocks for edit in _edits(block)), *self._exchanged()},
            key=lambda edit: hashlib.sha256(repr(edit).encode()).digest(),
        )
        return [self._edited(edit) for edit in edits[:most]]

    def _exchanged(self) -> Iterator[Edit]:
        """Each use of an argument, exchanged for the next argument."""
        parameters = self._function.child_by_field_name("parameters")
        patterns = [node.child_by_field_name("pattern") for node in parameters.named_children] if parameters else []
        names = [node_text(pattern) for pattern in patterns if pattern is not None and pattern.type == "identifier"]
        following = dict(zip(names, [*names[1:], *names[:1]], strict=True)) if len(names) > 1 else {}
        for node in descend(self._blocks[0]):
            if node.type == "identifier" and node_text(node) in following:
                yield node.start_byte, node.end_byte, following[node_text(node)]

    def _edited(self, *edits: Edit) -> str:
        source = self.code.encode()
        for start, end, text in reversed(edits):
            source = source[:start] + text.encode() + source[end:]
        return source.decode()


def _edits(block: Node) -> Iterator[Edit]:
    for node in descend(block):
        if node.type in BINARY:
            yield from _swapped(node)
        elif node.type == "integer_literal" and node_text(node).isdigit():
            yield node.start_byte, node.end_byte, str(int(node_text(node)) + 1)
        elif node.type == "boolean_literal":
            yield node.start_byte, node.end_byte, "false" if node_text(node) == "true" else "true"
        elif node.type == "string_literal" and len(node_text(node)) > 2:
            yield node.start_byte, node.end_byte, '""'
        elif node.type in ("field_identifier", "identifier") and node_text(node) in OPPOSITES:
            yield node.start_byte, node.end_byte, OPPOSITES[node_text(node)]
        elif node.type == "unary_expression" and node_text(node).startswith("!"):
            yield node.start_byte, node.start_byte + 1, ""
        elif node.type in WHOLE:
            yield from WHOLE[node.type](node)
        elif node.type in STATEMENTS and node_text(node).endswith(";"):
            yield node.start_byte, node.end_byte, ""


def _swapped(node: Node) -> Iterator[Edit]:
    for child in node.children:
        if not child.is_named and child.type in OPERATORS:
            yield child.start_byte, child.end_byte, OPERATORS[child.type]


def _conditional(node: Node) -> Iterator[Edit]:
    condition = node.child_by_field_name("condition")
    if condition is not None and condition.type not in ("let_condition", "let_chain"):
        yield condition.start_byte, condition.end_byte, f"!({node_text(condition)})"
    yield from _panicking(node.child_by_field_name("consequence"))


def _calls(node: Node) -> Iterator[Edit]:
    """A call of a method left out of its chain, `Some(x)` as `None`, and the first two arguments exchanged."""
    function, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if function is None or arguments is None:
        return
    if function.type == "field_expression" and (receiver := function.child_by_field_name("value")) is not None:
        yield receiver.end_byte, node.end_byte, ""
    if node_text(function) == "Some":
        yield node.start_byte, node.end_byte, "None"
    yield from (edit for argument in arguments.named_children for edit in _default(argument))
    if len(arguments.named_children) > 1:
        first, second = arguments.named_children[:2]
        yield first.start_byte, second.end_byte, f"{node_text(second)}, {node_text(first)}"


def _panicking(branch: Node | None) -> Iterator[Edit]:
    if branch is not None and branch.type != "if_expression":  # `else if` has branches of its own
        yield branch.start_byte, branch.end_byte, "{ todo!() }"


def _default(value: Node) -> Iterator[Edit]:
    """A field's value or an argument as the default of its type; of a closure the tests would say nothing more."""
    default = "Default::default()"
    if value.type == "shorthand_field_initializer":
        yield value.end_byte, value.end_byte, f": {default}"
        return
    given = value.child_by_field_name("value") if value.type == "field_initializer" else value
    if given is not None and given.type not in ("closure_expression", "reference_expression"):
        yield given.start_byte, given.end_byte, default


WHOLE: Mapping[str, Callable[[Node], Iterator[Edit]]] = {
    "if_expression": _conditional,
    "while_expression": _conditional,
    "match_arm": lambda node: _panicking(node.child_by_field_name("value")),
    "else_clause": lambda node: _panicking(node.named_children[-1]),
    "field_initializer": _default,
    "shorthand_field_initializer": _default,
    "call_expression": _calls,
}
"""What makes the edits of a whole node, by its type."""
