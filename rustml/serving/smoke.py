"""The last check before users: held-out tasks through the OpenAI API, the answers judged like any others."""

from collections.abc import Sequence

import openai

from rustml import chat
from rustml.errors import EnvironmentFault
from rustml.judge.completions import judge_completions
from rustml.judge.judging import Judging
from rustml.profile.serve import ServeSection
from rustml.records import Problem, Record


class Answer(Record, frozen=True):
    """One task asked of the server."""

    problem: str
    completion: str
    status: str
    """Of the verdict; `format` where the answer holds no code block with the entry point."""


def ask(url: str, name: str, problems: Sequence[Problem], judge: Judging, section: ServeSection) -> list[Answer]:
    """Ask the server each problem, greedy, as any client would, and judge what it answers.

    Raises EnvironmentFault when the server refuses or breaks off.
    """
    direct = openai.DefaultHttpxClient(trust_env=False)  # a proxy of the environment does not reach our own server
    with openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60.0, http_client=direct) as client:
        completions = [_complete(client, name, problem, section) for problem in problems]
    verdicts = judge_completions(judge, problems, completions)
    return [
        Answer(problem=problem.id, completion=text, status=verdict.status if verdict else "format")
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
