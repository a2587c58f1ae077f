"""A function with the name of one method call hidden → the name."""

import re

from rustml.rust.tree import descend, node_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import NameTask


class ApiUsagePrediction(NameTask):
    """Name the method that is called."""

    name = "api_usage_prediction"
    question_shows = "the function with the name of one method call hidden"
    headline = "syntax"
    blank = "____"
    hidden = "call"
    question = f"Which method is called where `{blank}` stands?"

    def names(self, subject: DocumentedFunction) -> list[str]:
        """Names of called methods, sorted, that occur once in the code: the blank then has one meaning."""
        calls = (node for node in descend(subject.function.node) if node.type == "call_expression")
        callees = (node.child_by_field_name("function") for node in calls)
        methods = (callee for callee in callees if callee is not None and callee.type == "field_expression")
        called = {node_text(method.child_by_field_name("field")) for method in methods}
        return sorted(name for name in called if len(name) > 2 and len(re.findall(rf"\b{name}\b", subject.code)) == 1)
