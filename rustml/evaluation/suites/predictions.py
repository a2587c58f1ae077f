"""Answers that are an expression: what a function returns, or what it was called with."""

import re

from rustml.records import Problem
from rustml.rust.fences import blocks
from rustml.rust.lexer import partners, significant, tokens

CALLS = frozenset({"f", "candidate", "answer"})
"""Names by which an answer would have the machine find out what it is asked."""


def code(problem: Problem, completion: str) -> str | None:
    """The expression of the last fenced block, or of the whole answer, as the body of `answer`.

    None for what is not one expression, or calls the function that it is asked about.
    """
    text = (blocks(completion) or [completion])[-1].strip().rstrip(";").strip("`").strip()
    stream = significant(tokens(text))
    words = {token.text for token in stream if token.kind == "ident"}
    whole = stream and partners(stream) is not None and not any(token.kind == "broken" for token in stream)
    if not whole or words & CALLS or any(token.text == ";" for token in stream):
        return None
    return wrapped(problem.signature, text)


def wrapped(signature: str, expression: str) -> str:
    """The function `answer` with this body; where it returns a tuple of arguments, the expression is a list of them."""
    several = re.search(r"-> \(.*,\)$", signature) is not None
    return f"{signature} {{\n    {f'({expression},)' if several else expression}\n}}\n"
