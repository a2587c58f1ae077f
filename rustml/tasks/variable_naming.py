"""A function with the name of one local variable hidden → the name."""

from rustml.rust.tree import descend, node_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import NameTask


class VariableNaming(NameTask):
    """Name a local variable."""

    name = "variable_naming"
    question_shows = "the function with the name of one variable hidden"
    hidden = "variable"
    question = f"What is a good name for the variable `{NameTask.blank}` here?"

    def names(self, subject: DocumentedFunction) -> list[str]:
        """Names bound by `let`, sorted, that are not the name of a field as well: the field cannot be renamed."""
        nodes = list(descend(subject.function.node))
        patterns = [node.child_by_field_name("pattern") for node in nodes if node.type == "let_declaration"]
        bound = {node_text(pattern) for pattern in patterns if pattern is not None and pattern.type == "identifier"}
        fields = {node_text(node) for node in nodes if node.type in ("field_identifier", "shorthand_field_initializer")}
        return sorted(name for name in bound - fields if len(name) >= 3 and not name.startswith("_"))
