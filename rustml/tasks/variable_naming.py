"""A function with the name of one local variable hidden → the name."""

import re

from rustml.rust.functions import Function
from rustml.rust.tree import descend, node_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence, pick

PLACEHOLDER = "placeholder"


class VariableNaming(Task):
    """Name a local variable."""

    name = "variable_naming"
    question_shows = "the function with the name of one variable hidden"
    answer_is = "the name"
    checked_by = "equality"
    answer_kind = "name"
    headline = "exact"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a function without a variable that can be hidden."""
        names = _variables(subject.function)
        if not names:
            return None
        name = names[pick(f"variable {subject.key}", len(names))]
        hidden = re.sub(rf"\b{name}\b", PLACEHOLDER, subject.code)
        return Draft(f"What is a good name for the variable `{PLACEHOLDER}` here?\n\n{fence(hidden)}", f"`{name}`")


def _variables(function: Function) -> list[str]:
    """Names bound by `let`, sorted, that are not the name of a field as well: the field cannot be renamed."""
    nodes = list(descend(function.node))
    patterns = [node.child_by_field_name("pattern") for node in nodes if node.type == "let_declaration"]
    bound = {node_text(pattern) for pattern in patterns if pattern is not None and pattern.type == "identifier"}
    fields = {node_text(node) for node in nodes if node.type in ("field_identifier", "shorthand_field_initializer")}
    return sorted(name for name in bound - fields if len(name) >= 3 and not name.startswith("_"))
