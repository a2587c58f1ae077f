"""A function with one operator swapped → the line as it was."""

from collections.abc import Iterator

from tree_sitter import Node

from rustml.rust.functions import Function, outdent
from rustml.rust.lexer import squeeze
from rustml.rust.tree import descend
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, block, fence, pick

SWAPPED = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "/", "/": "*", "&&": "||", "||": "&&",
}  # fmt: skip
MAX_WIDTH = 100
"""rustfmt's `max_width`."""


class BugDetection(Task):
    """Correct the one wrong line of a function."""

    name = "bug_detection"
    question_shows = "the function with one operator swapped"
    answer_is = "the line as it was"
    checked_by = "equality"
    answer_kind = "line"
    headline = "exact"
    criteria = (
        "The answer is a reviewer's correction of the one wrong line of the Rust function in the task. Rate whether "
        "it names the right line and corrects it without changing anything else."
    )

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a function without a binary operator whose counterpart fits in its place."""
        function = subject.function
        operator = _chosen(_operators(function), function.source, subject.key)
        if operator is None:
            return None
        source = (function.signature + function.body).encode()
        start, end = operator.start_byte - function.fn_start, operator.end_byte - function.fn_start
        broken = (source[:start] + SWAPPED[operator.type].encode() + source[end:]).decode()
        line = source[source.rfind(b"\n", 0, start) + 1 :].partition(b"\n")[0].decode().strip()
        code = subject.attributes + outdent(broken, function)
        instruction = f"One operator in this Rust function is wrong. Give the corrected line.\n\n{fence(code)}"
        return Draft(instruction, fence(line), given=block(code))

    def functions(self, answer: str, given: str, reference: str) -> Iterator[str]:
        """The given function with the answer in the place of the line that differs from the reference."""
        lines, right = given.splitlines(keepends=True), reference.splitlines()
        attributes = len(lines) - len(right)
        for number, line in enumerate(right, start=attributes):
            if squeeze(lines[number]) != squeeze(line):
                yield "".join([*lines[:number], answer.strip("\n") + "\n", *lines[number + 1 :]])


def _chosen(operators: list[Node], source: bytes, key: str) -> Node | None:
    """The operator that the key picks; where its counterpart does not fit, the next one that has a fitting one."""
    first = pick(f"bug {key}", len(operators)) if operators else 0
    return next((operator for operator in operators[first:] + operators[:first] if _fits(operator, source)), None)


def _fits(operator: Node, source: bytes) -> bool:
    """Whether the line with the counterpart is still Rust, laid out as rustfmt does.

    rustfmt gives each operand of a chain of one operator its own line, and joins those of another operator. `<` after a
    cast begins generic arguments, and `let` in a condition goes with `&&` alone.
    """
    expression, counterpart = operator.parent, SWAPPED[operator.type]
    longer = len(counterpart) - len(operator.type)
    if expression is None or (longer > 0 and _width(operator, source) + longer > MAX_WIDTH):
        return False
    chain = [node for node in _chain(expression) if _operator_of(node) in (operator.type, counterpart)]
    if len(chain) > 1 and chain[0].start_point.row != chain[0].end_point.row:
        return False
    left = expression.child_by_field_name("left")
    if counterpart == "<" and left is not None and left.type == "type_cast_expression":
        return False
    return not (counterpart == "||" and any(node.type == "let_chain" for node in _above(operator)))


def _width(node: Node, source: bytes) -> int:
    """Characters of the line that a node begins on."""
    line = source[source.rfind(b"\n", 0, node.start_byte) + 1 :].partition(b"\n")[0]
    return len(line.decode())


def _chain(expression: Node) -> Iterator[Node]:
    """The outermost binary expression that this one is an operand of, operand by operand, and all operands within."""
    top = expression
    while top.parent is not None and top.parent.type == "binary_expression":
        top = top.parent
    nodes = [top]
    for node in nodes:
        yield node
        nodes += [operand for operand in node.children if operand.type == "binary_expression"]


def _operator_of(expression: Node) -> str:
    operator = expression.child_by_field_name("operator")
    return operator.type if operator is not None else ""


def _above(node: Node) -> Iterator[Node]:
    while node.parent is not None:
        node = node.parent
        yield node


def _operators(function: Function) -> list[Node]:
    """Binary operators that have a counterpart, in order of position."""
    operators = (
        node.child_by_field_name("operator") for node in descend(function.node) if node.type == "binary_expression"
    )
    return [operator for operator in operators if operator is not None and operator.type in SWAPPED]
