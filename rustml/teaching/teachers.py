"""Ask teachers: every reply is kept by what was asked, so that a killed run, or another one, asks only for the rest."""

import hashlib
import logging
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from rustml.generation.openai_client import Client
from rustml.generation.sampling import seed_of
from rustml.io import write_cache_entry
from rustml.profile.teach import TeacherSection, TeachSection
from rustml.records import Record

log = logging.getLogger(__name__)
REFUSED = "refused"


class Reply(Record, frozen=True):
    """What a teacher said."""

    text: str
    fault: str = ""
    """Why it is not an answer: `refused` by the server, or the reason why it ended."""


class Teacher:
    """One teacher."""

    def __init__(self, name: str, server: TeacherSection, section: TeachSection, cache: Path, seed: int) -> None:
        """Raises InputError for a missing key."""
        self.name, self.server = name, server
        self._section, self._cache, self._seed = section, cache, seed
        self._client = Client(server, f"teach.teachers.{name}")

    def ask(self, requests: Sequence[tuple[str, int]], *, temperature: float) -> list[Reply]:
        """A reply to each prompt and number of a sample, in order.

        Raises EnvironmentFault when the server does not answer, and InputError when it refuses key or model.
        """
        paths = [self._path(text, number, temperature) for text, number in requests]
        missing = {path: request for path, request in zip(paths, requests, strict=True) if not path.is_file()}
        ask = partial(self._ask, temperature)
        replies = self._client.map(ask, lambda _, __: Reply(text="", fault=REFUSED), list(missing.items()))
        for path, reply in zip(missing, replies, strict=True):
            if reply.fault == REFUSED:
                log.info("%s refuses a prompt: %.80s", self.name, missing[path][0])
        refused = {path: reply for path, reply in zip(missing, replies, strict=True) if reply.fault == REFUSED}
        return [refused.get(path) or msgspec.json.decode(path.read_bytes(), type=Reply) for path in paths]

    def _ask(self, temperature: float, client: Any, request: tuple[Path, tuple[str, int]]) -> Reply:
        path, (text, number) = request
        answer = client.chat.completions.create(
            model=self.server.model,
            messages=[{"role": "user", "content": text}],
            temperature=temperature,
            max_tokens=self._section.max_new_tokens,
            seed=seed_of(self._seed, [text, str(number)]),
            extra_body=dict(self.server.extra),
        )
        reply = _read(answer)
        if client.api_key in reply.text:  # a server may repeat it, and replies are kept
            reply = Reply(text="", fault="holds_key")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_cache_entry(path, msgspec.json.encode(reply))
        return reply

    def _path(self, text: str, number: int, temperature: float) -> Path:
        server = self.server
        settings = [server.base_url, server.model, server.extra, self._section.max_new_tokens, self._seed]
        key = hashlib.sha256(msgspec.json.encode([*settings, temperature, text, number], order="sorted")).hexdigest()
        return self._cache / key[:2] / f"{key}.json"


def _read(answer: Any) -> Reply:
    """What a server answered; one that holds no text, or was cut, is a fault."""
    try:
        choice = answer.choices[0]
        text, ended = choice.message.content or "", choice.finish_reason
    except (IndexError, TypeError, AttributeError):
        return Reply(text="", fault="no_choice")
    return Reply(text=text, fault=str(ended) if ended not in ("stop", None) else "" if text else "empty")
