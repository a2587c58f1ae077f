"""Generation by a model behind an OpenAI-compatible server: chat for questions, completions for raw text.

The server renders conversations itself, so that no tokenizer is needed here; a prompt's text is a transcript that
tells one question from another in a report.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import version
from typing import Any

from rustml import chat
from rustml.errors import EnvironmentFault, InputError
from rustml.generation.openai_client import SETTING, Client
from rustml.generation.sampling import Prompt, Sampling, before_stop, seed_of
from rustml.generation.setup import Setup

MAX_STOPS = 4
"""Stop strings that the API takes; answers are cut at all of them here."""


class OpenAiEngine:
    """Raises InputError where `setup` names no server, or there is no key for it."""

    def __init__(self, setup: Setup) -> None:
        if setup.server is None or not setup.server.model:
            raise InputError(f"engine openai needs {SETTING}: the base_url of a server and the name of its model")
        self._server, self._system, self._progress = setup.server, setup.chat.system, setup.progress
        self._client = Client(setup.server, SETTING)
        self.tokenizer = Transcript()
        # Address and model are not here: they say what is measured (rustml.generation.served), not how.
        self.engine: Mapping[str, str] = {
            "name": "openai",
            "version": version("openai"),
            "system": setup.chat.system,
            "extra": str(sorted(setup.server.extra.items())),
            "batch_size": str(setup.server.concurrency),
        }

    def generate(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[list[str]]:
        """See Generator.generate. Each answer is a request with a seed of its own."""
        opened = next((prompt for prompt in prompts if prompt.opening), None)
        if opened is not None:
            raise InputError(
                "a server that renders conversations cannot go on with an answer that the prompt begins: choose the "
                f"suite's protocol without it (chat, humaneval, mbpp). The prompt begins: {opened.text[:80]!r}"
            )
        requests = [(prompt, number) for prompt in prompts for number in range(sampling.samples)]
        replies = self._client.map(partial(self._ask, sampling), self._refused, requests)
        self._progress(len(prompts), len(prompts))
        return [replies[start : start + sampling.samples] for start in range(0, len(replies), sampling.samples)]

    def close(self) -> None:
        """See Engine.close; the server keeps its model."""

    def _ask(self, sampling: Sampling, client: Any, request: tuple[Prompt, int]) -> str:
        prompt, number = request
        options: dict[str, Any] = {
            "model": self._server.model,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_new_tokens,
            "seed": seed_of(sampling.seed, [prompt.text, str(number)]),
            "extra_body": dict(self._server.extra),
        }
        if sampling.stops:
            options["stop"] = list(sampling.stops[:MAX_STOPS])
        return before_stop(self._content(client, prompt, options), sampling.stops)

    def _content(self, client: Any, prompt: Prompt, options: Mapping[str, Any]) -> str:
        try:
            if not prompt.instruction:
                choice = client.completions.create(prompt=prompt.text, **options).choices[0]
                content = choice.text
            else:
                messages = chat.messages(prompt.instruction, self._system, prompt.earlier)
                choice = client.chat.completions.create(messages=messages, **options).choices[0]
                content = choice.message.content
        except (IndexError, TypeError, AttributeError):
            raise self._unusable("holds no choice") from None
        if content is None or choice.finish_reason == "content_filter":
            raise self._unusable(f"holds no text (finish_reason {choice.finish_reason})")
        return str(content)

    def _refused(self, request: tuple[Prompt, int], status: int) -> str:
        raise InputError(
            f"the server at {self._server.base_url} refuses a prompt (HTTP {status}): it may leave no room for "
            f"max_new_tokens, or the server may not take an option. The prompt begins: {request[0].text[:80]!r}"
        )

    def _unusable(self, why: str) -> EnvironmentFault:
        return EnvironmentFault(f"a reply of the server at {self._server.base_url} {why}: it is not an answer")


class Transcript:
    """Stands for a tokenizer where the server renders: a conversation becomes its last message, raw text itself."""

    bos_token: str | None = None
    eos_token: str | None = None
    chat_template = "the server's own"
    added_tokens_decoder: Mapping[int, Any] = {}

    def apply_chat_template(self, conversation: list[dict[str, str]], **_options: Any) -> str:
        """What the user says."""
        return conversation[-1]["content"]

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]:
        """Raises InputError: nothing here knows the server's tokens."""
        raise InputError(f"tokens of a model behind a server are not known here: {text[:40]!r}, {add_special_tokens}")

    def convert_tokens_to_ids(self, tokens: str) -> Any:
        """Raises InputError as `encode` does."""
        return self.encode(tokens)
