"""The one chat rendering: the bytes trained on are the bytes served.

Pairs, training, evaluation and serving share it. The prompt is rendered by the tokenizer's chat template with thinking
off, which in templates of the Qwen3 kind leaves an empty think block before the answer; training appends the answer and
the template's end of turn to that very prompt. A text begins with the model's start token exactly once, and that is
where the tokenizer itself would put one.

What a profile adds (a template, a system prompt) is written into the tokenizer's template by `prepare`, and so it is
saved with the model, and a server of the model renders it without knowing of it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Protocol

from rustml.errors import InputError
from rustml.profile.chat import ChatSection
from rustml.records import Language, Problem

CHATML = (
    "{%- for message in messages -%}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + eos_token + '\n' }}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\n' }}{%- endif -%}"
)
"""The form of ChatML, each turn ended by the model's own end of text, which is a single token in any vocabulary."""
START = "{{ bos_token }}"
SYSTEM = (
    "{{%- if messages[0]['role'] != 'system' -%}}"
    "{{%- set messages = [{{'role': 'system', 'content': {text}}}] + messages -%}}{{%- endif -%}}"
)
SYSTEM_END = "{#- end of the system prompt -#}"
TAG = "rustml.chat"
"""Tag of a run: the digest of the chat template that it trains with."""
ANSWER = "ANSWER"
"""Stands for an answer where the end of a turn is looked up."""


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that rendering needs."""

    bos_token: str | None
    eos_token: str | None
    chat_template: Any

    def apply_chat_template(self, conversation: list[dict[str, str]], **options: Any) -> Any:
        """Render a conversation."""
        ...

    def encode(self, text: str, *, add_special_tokens: bool = ...) -> list[int]:
        """Token ids of a text."""
        ...

    def convert_tokens_to_ids(self, tokens: str) -> Any:
        """The id of a token."""
        ...

    @property
    def added_tokens_decoder(self) -> Mapping[int, Any]:
        """Tokens outside the trained vocabulary by id; `special` marks control tokens."""
        ...


def prepare(tokenizer: Any, settings: ChatSection) -> Any:
    """The same tokenizer with the profile's template and system prompt in its own template; twice changes nothing.

    Raises InputError where the settings do not fit the tokenizer. A tokenizer without a template stays without one
    under `template: checkpoint`, and `prompt` refuses it: raw text needs none.
    """
    template = CHATML if settings.template == "chatml" else tokenizer.chat_template
    if settings.template == "chatml" and not tokenizer.eos_token:
        raise InputError("chat.template: chatml ends turns with the tokenizer's eos_token, and this one has none")
    if template is None:
        return tokenizer
    tokenizer.chat_template = template.rpartition(SYSTEM_END)[2]
    if not _render(tokenizer, messages("x")).startswith(start_token(tokenizer)):
        tokenizer.chat_template = START + tokenizer.chat_template
    if settings.system:
        text = json.dumps(settings.system, ensure_ascii=False)
        tokenizer.chat_template = SYSTEM.format(text=text) + SYSTEM_END + tokenizer.chat_template
        _render(tokenizer, messages("x"))
    return tokenizer


def digest(tokenizer: Tokenizer) -> str:
    """SHA-256, in hex, of the template that `tokenizer` renders with, the profile's system prompt in it.

    Empty for a tokenizer without a template.
    """
    template = tokenizer.chat_template
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest() if template else ""


Turns = tuple[tuple[str, str], ...]
"""What was said before: questions, each with its answer."""


def messages(instruction: str, system: str = "", earlier: Turns = ()) -> list[dict[str, str]]:
    """The conversation that asks for `instruction`; a `system` prompt only for servers with another template."""
    opening = [{"role": "system", "content": system}] if system else []
    before = [
        {"role": role, "content": text}
        for turn in earlier
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    return [*opening, *before, {"role": "user", "content": instruction}]


def prompt(tokenizer: Tokenizer, instruction: str, earlier: Turns = ()) -> str:
    """The text that the model continues when asked for `instruction`, its start token included.

    Raises InputError where the tokenizer has no chat template, or its template refuses the conversation.
    """
    rendered = _render(tokenizer, messages(instruction, earlier=earlier), add_generation_prompt=True)
    start = start_token(tokenizer)
    return rendered if rendered.startswith(start) else start + rendered


def raw(tokenizer: Tokenizer, text: str) -> str:
    """Raw text as the model meets it in training: after its start token where it has one."""
    return start_token(tokenizer) + text


def start_token(tokenizer: Tokenizer) -> str:
    """The token that the tokenizer puts before every text by itself; empty where it puts none.

    A `bos_token` alone means little: StarCoder2 and GPT-2 name their end of text so, and begin no text with it.
    """
    start = tokenizer.bos_token
    adds = bool(start) and tokenizer.encode("x")[:1] == [tokenizer.convert_tokens_to_ids(str(start))]
    return str(start) if adds else ""


def without_start(tokenizer: Tokenizer, text: str) -> str:
    """A rendered text for a library that lets the tokenizer add its start token."""
    return text.removeprefix(start_token(tokenizer))


def end_of_turn(tokenizer: Tokenizer) -> str:
    """What the template writes after an answer, up to its control token, as in `<|im_end|>` or `<end_of_turn>`.

    The end of text where the template writes no control token there, or there is no template.
    """
    hashed: Any = tokenizer
    return _end_of_turn(hashed, tokenizer.chat_template) if tokenizer.chat_template else tokenizer.eos_token or ""


def end_ids(tokenizer: Tokenizer) -> list[int]:
    """Ids of the tokens that end an answer: the template's end of turn and the end of text, in rising order."""
    ends = {end for end in (end_of_turn(tokenizer), tokenizer.eos_token) if end}
    return sorted({tokenizer.encode(end, add_special_tokens=False)[-1] for end in ends})


def fenced(code: str, language: Language) -> str:
    """An answer that is one fenced code block."""
    return f"```{language}\n{code.strip()}\n```"


def answer(problem: Problem) -> str:
    """The reference answer to a problem, as a model should give it."""
    return fenced(problem.reference, problem.language)


def encode(tokenizer: Tokenizer, instruction: str, reply: str, earlier: Turns = ()) -> tuple[list[int], list[int]]:
    """`input_ids` and `labels` of one training record; the loss falls on the answer and the end of turn alone.

    Raw text (an empty instruction) is all answer after its start token, and ends with the end of text. Prompt and
    answer are encoded apart, as generation meets them.
    """
    before, target = _halves(tokenizer, instruction, reply, earlier)
    context = tokenizer.encode(before, add_special_tokens=False) if before else []
    return _labelled(context, tokenizer.encode(target, add_special_tokens=False))


def encode_all(tokenizer: Any, records: Sequence[tuple[Any, ...]]) -> list[tuple[list[int], list[int]]]:
    """`encode` of each record; fast tokenizers use all processors for it."""
    if not records:
        return []
    halves = [_halves(tokenizer, *record) for record in records]
    before, targets = (
        tokenizer(list(texts), add_special_tokens=False)["input_ids"] for texts in zip(*halves, strict=True)
    )
    return [_labelled(context, target) for context, target in zip(before, targets, strict=True)]


def _halves(tokenizer: Tokenizer, instruction: str, reply: str, earlier: Turns = ()) -> tuple[str, str]:
    """Texts of what is given, and of what is to be said."""
    if not instruction:
        return start_token(tokenizer), reply + (tokenizer.eos_token or "")
    return prompt(tokenizer, instruction, earlier), reply + end_of_turn(tokenizer)


def _labelled(context: list[int], target: list[int]) -> tuple[list[int], list[int]]:
    return context + target, [-100] * len(context) + target


def _render(tokenizer: Tokenizer, conversation: list[dict[str, str]], **options: Any) -> str:
    from jinja2 import TemplateError  # noqa: PLC0415  of templates alone

    if tokenizer.chat_template is None:
        raise InputError(
            "the tokenizer has no chat template, so there is no way to ask this model a question: set chat.template: "
            "chatml in the profile, or measure and train it on raw text alone"
        )
    try:
        rendered = tokenizer.apply_chat_template(conversation, tokenize=False, enable_thinking=False, **options)
    except TemplateError as error:
        raise InputError(f"the chat template refuses the conversation (chat.system, chat.template): {error}") from error
    return str(rendered)


@lru_cache(maxsize=16)
def _end_of_turn(tokenizer: Any, _template: str) -> str:
    """Cached by tokenizer and template: training asks once per record."""
    conversation = [*messages("x"), {"role": "assistant", "content": ANSWER}]
    after = _render(tokenizer, conversation).rpartition(ANSWER)[2]
    ids = tokenizer.encode(after, add_special_tokens=False)
    control = [str(token) for i in ids if (token := tokenizer.added_tokens_decoder.get(i)) and token.special]
    if not control:
        return tokenizer.eos_token or ""
    before, token, _ = after.partition(control[0])
    return before + token
