"""What is asked of a model, how answers are drawn, and what every engine can do."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

from rustml import chat
from rustml.errors import InputError
from rustml.profile.evaluation import SuiteSection
from rustml.records import Record


class Prompt(Record, frozen=True):
    """One question: rendered for engines that hold the model, as a conversation for servers that render themselves."""

    text: str
    """Complete: start token, conversation and opening; no engine adds a token to it."""
    instruction: str = ""
    """What the user asks; empty where `text` is raw text to continue."""
    opening: str = ""
    """The beginning of the answer, which `text` ends with."""
    earlier: chat.Turns = ()
    """What was said before `instruction`."""

    @classmethod
    def question(cls, tokenizer: chat.Tokenizer, instruction: str, opening: str = "") -> "Prompt":
        """A question to answer, or to go on answering after `opening`. Raises InputError as `chat.prompt` does."""
        return cls(text=chat.prompt(tokenizer, instruction) + opening, instruction=instruction, opening=opening)

    @classmethod
    def follow_up(cls, tokenizer: chat.Tokenizer, earlier: chat.Turns, instruction: str) -> "Prompt":
        """A question after others. Raises InputError as `chat.prompt` does."""
        text = chat.prompt(tokenizer, instruction, earlier)
        return cls(text=text, instruction=instruction, earlier=earlier)

    @classmethod
    def raw(cls, tokenizer: chat.Tokenizer, text: str) -> "Prompt":
        """Text to continue."""
        return cls(text=chat.raw(tokenizer, text))


class Sampling(Record, frozen=True):
    """How answers are drawn."""

    temperature: float
    """0 is greedy."""
    top_p: float
    samples: int
    """Answers per prompt."""
    max_new_tokens: int
    stops: tuple[str, ...]
    """An answer ends before the first of these."""
    seed: int

    @classmethod
    def from_section(cls, section: SuiteSection, stops: tuple[str, ...], seed: int) -> "Sampling":
        """What a profile's suite asks for, ended as its protocol ends answers."""
        return cls(
            temperature=section.temperature,
            top_p=section.top_p,
            samples=section.samples,
            max_new_tokens=section.max_new_tokens,
            stops=stops,
            seed=seed,
        )


class Generator(Protocol):
    """What turns prompts into answers."""

    @property
    def engine(self) -> Mapping[str, str]:
        """Name, version, dtype, batch size: what belongs to the protocol of a measurement."""
        ...

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        """For each prompt, in order, `sampling.samples` answers without stop strings and special tokens.

        Raises InputError for a prompt that leaves no room for its answer, EnvironmentFault when an answer could not
        be had: an empty answer is the model's own.
        """
        ...


class Engine(Generator, Protocol):
    """A generator that was opened on a model."""

    @property
    def tokenizer(self) -> chat.Tokenizer:
        """What renders prompts for this model."""
        ...

    def close(self) -> None:
        """Free the memory that the model takes. Nothing can be generated afterwards."""
        ...


def before_stop(text: str, stops: Sequence[str]) -> str:
    """The text before the first stop string in it."""
    return text[: min((index for index in (text.find(stop) for stop in stops) if index >= 0), default=len(text))]


class PromptTooLong(InputError):
    """A prompt leaves no room for its answer."""

    def __init__(self, text: str, number: int) -> None:
        """`number` is the prompt's, among those that were given."""
        super().__init__(text)
        self.number = number


def check_room(prompts: Sequence[Prompt], lengths: Sequence[int], sampling: Sampling, context: int) -> None:
    """Raise PromptTooLong for the first prompt that leaves no room for its answer; lengths and context in tokens."""
    for number, (prompt, length) in enumerate(zip(prompts, lengths, strict=True)):
        if length + sampling.max_new_tokens > context:
            raise PromptTooLong(
                f"a prompt of {length} tokens and max_new_tokens {sampling.max_new_tokens} exceed the model's context "
                f"of {context} tokens: lower max_new_tokens of the suite, or leave the problem out. "
                f"The prompt begins: {prompt.text[:80]!r}",
                number,
            )


def seed_of(seed: int, texts: Sequence[str]) -> int:
    """A seed per batch, 32 bits, that does not depend on what was generated before it."""
    joined = "\0".join([str(seed), *texts])
    return int.from_bytes(hashlib.sha256(joined.encode()).digest()[:4], "big")
