"""The one chat rendering: what is trained on is byte for byte what is served.

A leaf that pairs, training, evaluation and serving share. The prompt is rendered by the tokenizer's own chat template
with thinking off, which in templates of the Qwen3 kind leaves an empty think block before the answer; training appends
the answer and the end-of-turn token to that very prompt, so that a model never sees another form of it.
"""

from typing import Any, Protocol

from rustml.records import Language, Problem


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that rendering needs."""

    eos_token: str

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any:
        """Render a conversation."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> list[int]:
        """Token ids of a text."""
        ...


def messages(instruction: str) -> list[dict[str, str]]:
    """The conversation that asks for `instruction`."""
    return [{"role": "user", "content": instruction}]


def prompt(tokenizer: Tokenizer, instruction: str) -> str:
    """The text that the model continues when asked for `instruction`."""
    rendered = tokenizer.apply_chat_template(
        messages(instruction), tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return str(rendered)


def fenced(code: str, language: Language) -> str:
    """An answer that is one fenced code block."""
    return f"```{language}\n{code.strip()}\n```"


def answer(problem: Problem) -> str:
    """The reference answer to a problem, as a model should give it."""
    return fenced(problem.reference, problem.language)


def encode(tokenizer: Tokenizer, instruction: str, reply: str) -> tuple[list[int], list[int]]:
    """`input_ids` and `labels` of one training record; the loss falls on the answer and the end of turn alone.

    Raw text (an empty instruction) is all answer. Prompt and answer are encoded apart, as generation meets them.
    """
    context = tokenizer.encode(prompt(tokenizer, instruction), add_special_tokens=False) if instruction else []
    target = tokenizer.encode(reply + tokenizer.eos_token, add_special_tokens=False)
    return context + target, [-100] * len(context) + target
