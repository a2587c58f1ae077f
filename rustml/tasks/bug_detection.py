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
        """None for a function without a binary operator."""
        function = subject.function
        operators = _operators(function)
        if not operators:
            return None
        operator = operators[pick(f"bug {subject.key}", len(operators))]
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


def _operators(function: Function) -> list[Node]:
    """Binary operators that have a counterpart, in order of position."""
    operators = (
        node.child_by_field_name("operator") for node in descend(function.node) if node.type == "binary_expression"
    )
    return [operator for operator in operators if operator is not None and operator.type in SWAPPED]
