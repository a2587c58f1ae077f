"""The last check before users: held-out tasks through the OpenAI API, the answers judged like any others."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import openai

from rustml import chat
from rustml.errors import EnvironmentFault
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.serve import ServeSection
from rustml.records import Problem, Record

URL = "http://engine/v1"
"""Of an engine behind a Unix socket, where the host's name means nothing."""


class Answer(Record, frozen=True):
    """One task asked of the server."""

    problem: str
    completion: str
    status: str
    """Of the verdict; `format` where the answer holds no code block with the entry point."""
    clippy_clean: bool | None = None
    """Clippy's opinion; None where the answer did not compile, or clippy was not asked."""

    @property
    def passed(self) -> bool:
        """Whether the tests pass and clippy has nothing to say against it."""
        return self.status == "passed" and self.clippy_clean is not False


def client(socket: Path | None = None) -> httpx2.Client:
    """What carries the requests of `ask`: to a Unix socket, with any host in the URL; without one, to that host.

    No proxy of the environment stands between this process and its own server.
    """
    transport = httpx2.HTTPTransport(uds=str(socket)) if socket else None
    return openai.DefaultHttpxClient(transport=transport, trust_env=False)


def ask(
    http: httpx2.Client,
    name: str,
    problems: Sequence[Problem],
    judge: Judging,
    section: ServeSection,
    *,
    url: str = URL,
    key: str = "none",
    concurrency: int = 1,
) -> list[Answer]:
    """Ask the model `name` each problem, greedy, as any client would, and judge what it answers.

    `http` carries the requests, `concurrency` of them at a time. Raises EnvironmentFault when the server refuses or
    breaks off.
    """
    client = openai.OpenAI(base_url=url, api_key=key, max_retries=0, timeout=section.request_seconds, http_client=http)
    with ThreadPoolExecutor(concurrency, thread_name_prefix="smoke") as threads:
        completions = list(threads.map(lambda problem: _complete(client, name, problem, section), problems))
    return judged(judge, problems, completions)


def judged(judge: Judging, problems: Sequence[Problem], completions: Sequence[str]) -> list[Answer]:
    """The answers to problems with what the judge says of them, in order."""
    verdicts = judge_completions(judge, problems, completions)
    return [
        Answer(
            problem=problem.id,
            completion=text,
            status=verdict.status if verdict else "format",
            clippy_clean=verdict.clippy_clean if verdict else None,
        )
        for problem, text, verdict in zip(problems, completions, verdicts, strict=True)
    ]


def _complete(client: openai.OpenAI, name: str, problem: Problem, section: ServeSection) -> str:
    try:
        answer = client.chat.completions.create(
            model=name,
            messages=chat.messages(problem.instruction),  # type: ignore[arg-type]  # plain dicts are such messages
            temperature=0.0,
            max_tokens=section.max_new_tokens,
        )
    except openai.OpenAIError as error:
        raise EnvironmentFault(f"the server did not answer {problem.id}: {error}") from error
    return answer.choices[0].message.content or ""
