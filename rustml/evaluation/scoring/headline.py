"""Which measure speaks for a task category: what else is measured stands beside it."""

from collections.abc import Mapping

PRINCIPAL: Mapping[str, str] = {
    "sig_doc_impl": "tests",
    "instruction_code": "tests",
    "test_generation": "tests",
    "bug_detection": "exact",
    "completion": "syntax",
    "api_usage_prediction": "syntax",
    "function_naming": "exact",
    "variable_naming": "exact",
    "docstring_generation": "edit",
}
"""By task, a name among those that rustml/evaluation/tasks.py gives."""
