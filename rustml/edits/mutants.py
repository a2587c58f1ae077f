"""Small changes of a function that the compiler should refuse, each of which its words and the code around it undo."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tree_sitter import Node

from rustml.edits.targets import Target
from rustml.rust.tree import descend, node_text
from rustml.tasks.task import pick

CONVERSIONS = frozenset(
    {"clone", "to_string", "to_owned", "into", "as_str", "as_ref", "as_bytes", "as_mut", "iter", "borrow", "unwrap"}
)
"""Methods without arguments whose absence leaves a value of another type, or one that was moved."""
WRAPPERS = frozenset({"Some", "Ok", "Err", "Box::new", "String::from"})
STATEMENT = "semicolon_after_value"
LIFETIME = re.compile(r"'(?!static\b|_\b)[A-Za-z_]\w*(?!')")


class Cut(NamedTuple):
    """Bytes of the function that are replaced."""

    start: int
    end: int
    text: bytes


def mutants(target: Target) -> Iterator[tuple[str, str]]:
    """Name and text of every mutant of the body, one kind after another in an order that the function's key draws.

    The value that becomes a statement comes last: nearly every function has one.
    """
    function = target.function
    kinds: dict[str, list[Cut]] = {}
    for node in descend(function.node):
        if node.start_byte >= function.body_start:
            for name, find in KINDS.items():
                cut = find(node, function.source)
                if cut is not None:
                    kinds.setdefault(name, []).append(cut)
    names = sorted(kinds, key=lambda name: (name == STATEMENT, pick(f"mutant {name} {target.key}", 1 << 32)))
    for name in names:
        cuts = kinds[name]
        yield name, _cut(target, [cuts[pick(f"cut {name} {target.key}", len(cuts))]])


def unwrapped(target: Target) -> str:
    """The function with `.unwrap()` for every `?`; empty for one without, or that panics by itself already."""
    marks = [
        Cut(node.children[-1].start_byte, node.end_byte, b".unwrap()")
        for node in descend(target.function.node)
        if node.type == "try_expression"
    ]
    panics = re.search(r"\.(?:unwrap|expect)\(|\bpanic!", target.text)
    return _cut(target, marks) if marks and not panics else ""


def without_lifetimes(target: Target) -> str:
    """The function with no lifetime of its own in its signature; empty for one that declares none."""
    function = target.function
    declared = function.node.child_by_field_name("type_parameters")
    names = {node_text(node) for node in _declarations(declared)} if declared else set()
    if not names or any(re.search(rf"{name}\b", function.body) for name in names):
        return ""
    signature = function.signature
    if re.search(r"\bwhere\b|\bfor\s*<|'\w+\s*:", signature):
        return ""
    for name in names:
        signature = re.sub(rf"&\s*{name}\s+", "&", signature)
        signature = re.sub(rf"(?<=[<,\s+(]){name}\b\s*(?:,\s*)?", "", signature)
    signature = re.sub(r",\s*>", ">", re.sub(r"(?<=\w)<\s*>", "", signature))
    return "" if LIFETIME.search(signature) and any(name in signature for name in names) else signature + function.body


def _declarations(parameters: Node) -> Iterator[Node]:
    """The lifetimes that parameters of a function declare, not those that their bounds name."""
    for node in parameters.named_children:
        if node.type == "lifetime_parameter" and node.named_children:
            yield node.named_children[0]
        elif node.type == "lifetime":
            yield node


def _cut(target: Target, cuts: list[Cut]) -> str:
    source, shift = target.text.encode(), target.function.fn_start
    for start, end, text in sorted(cuts, reverse=True):
        source = source[: start - shift] + text + source[end - shift :]
    return source.decode()


def _mutability(node: Node, source: bytes) -> Cut | None:
    if node.type != "mutable_specifier" or node.parent is None or node.parent.type != "let_declaration":
        return None
    return Cut(node.start_byte, node.end_byte + _blanks(source, node.end_byte), b"")


def _reference(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    value = node.child_by_field_name("value")
    if node.type != "reference_expression" or value is None:
        return None
    return Cut(node.start_byte, value.start_byte, b"")


def _try(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    return Cut(node.children[-1].start_byte, node.end_byte, b"") if node.type == "try_expression" else None


def _conversion(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or callee is None or arguments is None or arguments.named_child_count:
        return None
    value, method = callee.child_by_field_name("value"), callee.child_by_field_name("field")
    if callee.type != "field_expression" or value is None or node_text(method) not in CONVERSIONS:
        return None
    return Cut(value.end_byte, node.end_byte, b"")


def _cast(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    value = node.child_by_field_name("value")
    if node.type != "type_cast_expression" or value is None:
        return None
    return Cut(value.end_byte, node.end_byte, b"")


def _wrapper(node: Node, source: bytes) -> Cut | None:
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if node.type != "call_expression" or arguments is None or arguments.named_child_count != 1:
        return None
    if node_text(callee) not in WRAPPERS:
        return None
    inner = arguments.named_children[0]
    return Cut(node.start_byte, node.end_byte, source[inner.start_byte : inner.end_byte])


def _dereference(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    if node.type != "unary_expression" or node.children[0].type != "*":
        return None
    return Cut(node.children[0].start_byte, node.children[1].start_byte, b"")


def _semicolon(node: Node, source: bytes) -> Cut | None:  # noqa: ARG001
    """The value of a block becomes a statement."""
    parent = node.parent
    if parent is None or parent.type != "block" or not node.type.endswith(("_expression", "identifier")):
        return None
    if parent.named_children[-1] != node or node.type in ("return_expression", "while_expression", "for_expression"):
        return None
    return Cut(node.end_byte, node.end_byte, b";")


def _capture(node: Node, source: bytes) -> Cut | None:
    if node.type != "closure_expression" or node.children[0].type != "move":
        return None
    return Cut(node.start_byte, node.children[0].end_byte + _blanks(source, node.children[0].end_byte), b"")


def _arguments(node: Node, source: bytes) -> Cut | None:
    """Two arguments change places."""
    if node.type != "arguments" or node.named_child_count != 2:
        return None
    first, second = node.named_children
    one, two = source[first.start_byte : first.end_byte], source[second.start_byte : second.end_byte]
    return Cut(first.start_byte, second.end_byte, two + source[first.end_byte : second.start_byte] + one)


def _blanks(source: bytes, at: int) -> int:
    return len(source[at:]) - len(source[at:].lstrip(b" "))


KINDS: Mapping[str, Callable[[Node, bytes], Cut | None]] = {
    "mut_left_out": _mutability,
    "reference_left_out": _reference,
    "question_mark_left_out": _try,
    "conversion_left_out": _conversion,
    "cast_left_out": _cast,
    "constructor_left_out": _wrapper,
    "dereference_left_out": _dereference,
    STATEMENT: _semicolon,
    "move_left_out": _capture,
    "arguments_swapped": _arguments,
}
"""What is done to a node of a body, by name."""
