"""Shapes of training records that one function gives: what is asked, and the answer that the source itself holds.

A shape is a function from a `Subject` to (instruction, answer), or None where this function does not lend itself to it.
Choices inside a shape come from a hash of the subject, so that they do not depend on what else is in the corpus.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tree_sitter import Node

from rustml.rust.functions import Function, descend, doc_text, outdent

MIN_SUMMARY = 20
PLACEHOLDER = "placeholder"
FIELD = "field_expression"
SWAPPED = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==",
    "+": "-", "-": "+", "*": "/", "/": "*", "&&": "||", "||": "&&",
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """A function that is worth asking about, with its parts outdented."""

    function: Function
    key: str
    """Names the function across the corpus; feeds its stable choices."""
    docs: str
    """Documentation comment."""
    attributes: str
    signature: str
    body: str
    tests: tuple[Function, ...]
    """Tests of the same file that call it."""

    @property
    def bare(self) -> str:
        """Attributes, signature and body, without documentation."""
        return self.attributes + self.signature + self.body

    @property
    def noun(self) -> str:
        """`function`, or `method` with the header that it stands under."""
        context = " ".join(self.function.context.split())
        return f"method of `{context}`" if context else "function"


Shape = Callable[[Subject], "tuple[str, str] | None"]


def subject(function: Function, key: str, tests: tuple[Function, ...]) -> Subject:
    """Outdent a function's parts."""
    leading = outdent(function.leading, function)
    documentation = set(function.documentation.splitlines())
    attributes = [line for line in leading.splitlines() if line.strip() and line.strip() not in documentation]
    kept = [line for line in attributes if line.lstrip().startswith("#[") and line.rstrip().endswith("]")]
    return Subject(
        function=function,
        key=key,
        docs=function.documentation,
        attributes="".join(f"{line}\n" for line in kept),
        signature=outdent(function.signature, function),
        body=outdent(function.body, function),
        tests=tests,
    )


def fence(code: str) -> str:
    """A fenced block of Rust; the first line keeps its indentation."""
    stripped = code.strip("\n").rstrip()
    return f"```rust\n{stripped}\n```"


def pick(key: str, count: int) -> int:
    """A number below `count` that depends on the key alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") % count


def sig_doc_impl(subject: Subject) -> tuple[str, str] | None:
    """Documentation, signature and `todo!()` → implementation."""
    skeleton = f"{subject.docs}\n{subject.attributes}{subject.signature.rstrip()} {{\n    todo!()\n}}"
    return f"Implement this Rust {subject.noun}.\n\n{fence(skeleton)}", fence(subject.bare)


def instruction_code(subject: Subject) -> tuple[str, str] | None:
    """The documentation's first paragraph as an instruction → implementation."""
    summary = " ".join(doc_text(subject.function.leading).partition("\n\n")[0].split())
    if len(summary) < MIN_SUMMARY:
        return None
    signature = " ".join(subject.signature.split())
    return f"Write a Rust {subject.noun}. {summary}\n\nSignature: `{signature}`", fence(subject.bare)


def completion(subject: Subject) -> tuple[str, str] | None:
    """The function up to some line of its body → the rest."""
    lines = subject.bare.splitlines()
    first = subject.attributes.count("\n") + subject.signature.count("\n") + 2
    if len(lines) - first < 2:
        return None
    cut = first + pick(f"cut {subject.key}", len(lines) - first - 1)
    head, rest = "\n".join(lines[:cut]), "\n".join(lines[cut:])
    return f"Complete this Rust code. Give only what is missing.\n\n{fence(head)}", fence(rest)


def docstring_generation(subject: Subject) -> tuple[str, str] | None:
    """The function → its documentation comment."""
    return f"Write the documentation comment of this Rust {subject.noun}.\n\n{fence(subject.bare)}", fence(subject.docs)


def test_generation(subject: Subject) -> tuple[str, str] | None:
    """The function → a test that its own crate has for it."""
    if not subject.tests:
        return None
    test = subject.tests[pick(f"test {subject.key}", len(subject.tests))]
    return (
        f"Write a Rust test for this {subject.noun}.\n\n{fence(subject.bare)}",
        fence(outdent(test.text, test)),
    )


def function_naming(subject: Subject) -> tuple[str, str] | None:
    """The function with its name hidden → the name."""
    name = subject.function.name
    if len(name) < 3 or subject.function.kind == "trait":
        return None
    hidden = re.sub(rf"\b{re.escape(name)}\b", PLACEHOLDER, subject.bare)
    return f"What is a good name for this Rust function `{PLACEHOLDER}`?\n\n{fence(hidden)}", f"`{name}`"


def variable_naming(subject: Subject) -> tuple[str, str] | None:
    """The function with one local variable's name hidden → the name."""
    nodes = list(descend(subject.function.node))
    bound = {
        _text(node.child_by_field_name("pattern"))
        for node in nodes
        if node.type == "let_declaration" and _is(node.child_by_field_name("pattern"), "identifier")
    }
    fields = {_text(node) for node in nodes if node.type in ("field_identifier", "shorthand_field_initializer")}
    names = sorted(name for name in bound - fields if len(name) >= 3 and not name.startswith("_"))
    if not names:
        return None
    name = names[pick(f"variable {subject.key}", len(names))]
    hidden = re.sub(rf"\b{name}\b", PLACEHOLDER, subject.bare)
    return f"What is a good name for the variable `{PLACEHOLDER}` here?\n\n{fence(hidden)}", f"`{name}`"


def api_usage_prediction(subject: Subject) -> tuple[str, str] | None:
    """The function with one method call's name hidden → the name."""
    callees = [
        node.child_by_field_name("function")
        for node in descend(subject.function.node)
        if node.type == "call_expression"
    ]
    called = {_text(callee.child_by_field_name("field")) for callee in callees if callee and _is(callee, FIELD)}
    once = sorted({name for name in called if len(re.findall(rf"\b{name}\b", subject.bare)) == 1 and len(name) > 2})
    if not once:
        return None
    name = once[pick(f"call {subject.key}", len(once))]
    hidden = re.sub(rf"\b{name}\b", "____", subject.bare)
    return f"Which method is called where `____` stands?\n\n{fence(hidden)}", f"`{name}`"


def _is(node: Node | None, kind: str) -> bool:
    return node is not None and node.type == kind


def _text(node: Node | None) -> str:
    return node.text.decode() if node is not None and node.text is not None else ""


def bug_detection(subject: Subject) -> tuple[str, str] | None:
    """The function with one operator swapped → the line as it was."""
    function = subject.function
    operators = [
        operator
        for node in descend(function.node)
        if node.type == "binary_expression"
        and (operator := node.child_by_field_name("operator")) is not None
        and operator.type in SWAPPED
    ]
    if not operators:
        return None
    operator = operators[pick(f"bug {subject.key}", len(operators))]
    source = (function.signature + function.body).encode()
    start, end = operator.start_byte - function.fn_start, operator.end_byte - function.fn_start
    broken = (source[:start] + SWAPPED[operator.type].encode() + source[end:]).decode()
    line = source[source.rfind(b"\n", 0, start) + 1 :].partition(b"\n")[0].decode().strip()
    question = "One operator in this Rust function is wrong. Give the corrected line."
    return f"{question}\n\n{fence(subject.attributes + outdent(broken, function))}", fence(line)


SHAPES: Mapping[str, Shape] = {
    "sig_doc_impl": sig_doc_impl,
    "instruction_code": instruction_code,
    "completion": completion,
    "docstring_generation": docstring_generation,
    "test_generation": test_generation,
    "function_naming": function_naming,
    "variable_naming": variable_naming,
    "api_usage_prediction": api_usage_prediction,
    "bug_detection": bug_detection,
}
