"""How RustEvo² asks: with the API that the answer has to use; an answer without it, or without the function, failed."""

import re
from collections.abc import Sequence

from rustml.chat import Tokenizer
from rustml.generation.sampling import Prompt
from rustml.records import Problem
from rustml.rust.fences import blocks

API = "api"
"""Tag of a problem: the name of the API that changed."""
FACTS = "api_facts"
"""Tag of a problem: what the prompt tells of it."""


def prompt(problem: Problem, tokenizer: Tokenizer, _shots: Sequence[Problem]) -> Prompt:
    """The task, the signature, and what upstream tells of the API; the words around them are this project's."""
    return Prompt.question(
        tokenizer,
        "Solve this task with one Rust function.\n\n"
        f"{problem.instruction}\n\n"
        f"It has to use this API:\n{problem.tags[FACTS]}\n\n"
        "Answer with the function alone, of the signature given: no tests, no `main`, no other function, no comments.",
    )


def code(problem: Problem, completion: str) -> str | None:
    """The first fenced block, or the whole answer where there is none; None without the function's name."""
    text = (blocks(completion) or [completion])[0]
    declares = rf"\b(?:fn|struct|enum|trait)\s+{re.escape(problem.entry_point)}\b"
    return text if re.search(declares, text) else None


def uses_api(problem: Problem, text: str) -> bool:
    """Whether the API's name, or its last part, stands in the text as a word."""
    name = problem.tags[API]
    return any(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) for word in {name, name.rpartition("::")[2]})


def refusal(problem: Problem, text: str) -> str:
    """That the code does without the API."""
    return "" if uses_api(problem, text) else f"the protocol asks for the API `{problem.tags[API]}`"


def lacks(problem: Problem) -> str:
    """That nothing says which API the problem asks for."""
    missing = FACTS not in problem.tags
    return f"{problem.id} has no API change: protocol rustevo2 needs a folder with both files of the bank" * missing
