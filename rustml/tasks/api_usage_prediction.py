"""A function with the name of one method call hidden → the name."""

import re

from rustml.rust.tree import descend, node_text
from rustml.tasks.function import DocumentedFunction
from rustml.tasks.task import Draft, Task, fence, pick

BLANK = "____"


class ApiUsagePrediction(Task):
    """Name the method that is called."""

    name = "api_usage_prediction"
    question_shows = "the function with the name of one method call hidden"
    answer_is = "the name"
    checked_by = "equality"
    answer_kind = "name"
    headline = "syntax"

    def make(self, subject: DocumentedFunction) -> Draft | None:
        """None for a function that has no method's name exactly once."""
        names = _names_that_occur_once(subject)
        if not names:
            return None
        name = names[pick(f"call {subject.key}", len(names))]
        hidden = re.sub(rf"\b{name}\b", BLANK, subject.code)
        return Draft(f"Which method is called where `{BLANK}` stands?\n\n{fence(hidden)}", f"`{name}`")


def _names_that_occur_once(subject: DocumentedFunction) -> list[str]:
    """Names of called methods, sorted, that occur once in the code: the blank then has one meaning."""
    calls = (node for node in descend(subject.function.node) if node.type == "call_expression")
    callees = (node.child_by_field_name("function") for node in calls)
    methods = (callee for callee in callees if callee is not None and callee.type == "field_expression")
    called = {node_text(method.child_by_field_name("field")) for method in methods}
    return sorted(name for name in called if len(name) > 2 and len(re.findall(rf"\b{name}\b", subject.code)) == 1)
