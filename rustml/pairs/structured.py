"""Records whose question and answer are JSON objects, as in Strandset-Rust-v1, written out as text.

Each field becomes a heading and its value, code in a fence. An answer of a single field is that value alone.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

REQUESTS: Mapping[str, str] = {
    "code_generation": "Write the Rust code that is described.",
    "code_completion": "Complete this Rust code.",
    "bug_detection": "Find the bug in this Rust code, and fix it.",
    "code_refactoring": "Refactor this Rust code without a change of behaviour.",
    "refactoring": "Refactor this Rust code without a change of behaviour.",
    "code_optimization": "Make this Rust code faster without a change of behaviour.",
    "optimization": "Make this Rust code faster without a change of behaviour.",
    "docstring_generation": "Write a documentation comment for this Rust code.",
    "comment_generation": "Add comments to this Rust code.",
    "code_review": "Review this Rust code.",
    "code_summarization": "Say what this Rust code does.",
    "summarization": "Say what this Rust code does.",
    "test_generation": "Write a test for this Rust code.",
    "function_naming": "Name this Rust function.",
    "variable_naming": "Name the variable in this Rust code.",
    "api_usage_prediction": "Say which call comes next in this Rust code.",
    "code_search": "Find the Rust code that is described.",
    "search": "Find the Rust code that is described.",
}
"""The request of each category of task; another category is asked for by its name."""
CODE_MARKS = ("code", "function", "snippet", "struct", "impl", "test")
"""Words in the names of fields that hold code."""


def question_text(category: str, question: str) -> str:
    """The request of a category, followed by the fields of `question`."""
    request = REQUESTS.get(category, f"{category.replace('_', ' ').capitalize()}, in Rust.")
    return f"{request}\n\n{_written(question)}" if question.strip() else request


def answer_text(answer: str) -> str:
    """The fields of `answer`; of an object with one field, the value alone. Text that is not an object is unchanged."""
    fields = _object(answer)
    if len(fields) == 1:
        ((name, value),) = fields.items()
        return _value(name, value)
    return _written(answer)


def _written(text: str) -> str:
    fields = _object(text)
    if not fields:
        return text
    return "\n\n".join(f"{_label(name)}:\n{_value(name, value)}" for name, value in fields.items() if value)


def _object(text: str) -> dict[str, Any]:
    """The JSON object that a text is; empty where it is none."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _value(name: str, value: Any) -> str:
    """A field's value; code gets a fence where it brings none, lists and objects are JSON."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    is_code = any(mark in name.lower() for mark in CODE_MARKS) and ("\n" in text or "{" in text)
    return f"```rust\n{text.strip()}\n```" if is_code and "```" not in text else text
