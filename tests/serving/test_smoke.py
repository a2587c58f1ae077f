"""Asking a server in the chat completions form, over a real socket."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rustml import chat
from rustml.errors import EnvironmentFault
from rustml.profile import load
from rustml.serving import smoke
from rustml.serving.smoke import Answer
from rustml.testing import FakeJudge, make_verdict
from tests.support.loopback_http import JSON, Handler, listening
from tests.support.toy_models import problem

SECTION = load("tiny").serve
PROBLEMS = [problem(0), problem(1), problem(2)]
Reply = Callable[[dict[str, Any]], tuple[int, Any]]


def completion(text: str | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"id": "1", "object": "chat.completion", "created": 1, "model": "toy", "choices": [choice]}


@contextmanager
def speaking(reply: Reply) -> Iterator[str]:
    class Server(Handler):
        def do_POST(self) -> None:
            status, answer = reply({**json.loads(self.content()), "path": self.path})
            self.reply(status, json.dumps(answer).encode(), JSON)

    with listening(Server) as url:
        yield f"{url}/v1"


def ask(url: str, *arguments: Any, **options: Any) -> list[Answer]:
    with smoke.client() as http:
        return smoke.ask(http, *arguments, url=url, **options)


def test_each_problem_is_asked_greedily_and_its_answer_judged() -> None:
    heard: list[dict[str, Any]] = []
    answers = [chat.answer(PROBLEMS[0]), "I cannot do that.", chat.answer(PROBLEMS[2])]

    def reply(asked: dict[str, Any]) -> tuple[int, Any]:
        heard.append(asked)
        return 200, completion(answers[len(heard) - 1])

    judge = FakeJudge.in_turn("passed", "wrong")
    with speaking(reply) as url:
        found = ask(url, "toy", PROBLEMS, judge, SECTION)
    assert [(answer.problem, answer.status) for answer in found] == [
        ("toy/0", "passed"),
        ("toy/1", "format"),
        ("toy/2", "wrong"),
    ]
    assert [answer.completion for answer in found] == answers
    assert [candidate.tests for candidate in judge.judged] == [PROBLEMS[0].tests, PROBLEMS[2].tests]
    for asked, one in zip(heard, PROBLEMS, strict=True):
        assert asked["path"] == "/v1/chat/completions"
        assert asked["model"] == "toy"
        assert asked["messages"] == chat.messages(one.instruction)
        assert asked["temperature"] == 0
        assert asked["max_tokens"] == SECTION.max_new_tokens
        assert "chat_template_kwargs" not in asked, "thinking is off at the server, as for any client"


def test_no_content_is_an_answer_without_code() -> None:
    with speaking(lambda _: (200, completion(None))) as url:
        (answer,) = ask(url, "toy", PROBLEMS[:1], FakeJudge(), SECTION)
    assert (answer.completion, answer.status) == ("", "format")


@pytest.mark.parametrize(
    ("status", "body"), [(500, {"error": "out of memory"}), (404, {"error": "no model toy"}), (400, {})]
)
def test_a_refusal_is_a_fault_and_no_bad_answer(status: int, body: Any) -> None:
    with (
        speaking(lambda _: (status, body)) as url,
        pytest.raises(EnvironmentFault, match="did not answer toy/0"),
    ):
        ask(url, "toy", PROBLEMS, FakeJudge(), SECTION)


def test_no_server_is_a_fault() -> None:
    with pytest.raises(EnvironmentFault, match="did not answer toy/0"):
        ask("http://127.0.0.1:9/v1", "toy", PROBLEMS, FakeJudge(), SECTION)


def test_an_answer_passes_with_its_tests_and_without_a_warning_of_clippy() -> None:
    verdicts = [
        make_verdict("0", "passed", clippy_clean=True),
        make_verdict("1", "passed", clippy_clean=False, lints=("clippy::needless_return",)),
        make_verdict("2", "wrong", clippy_clean=True),
    ]
    texts = {chat.messages(one.instruction)[0]["content"]: chat.answer(one) for one in PROBLEMS}
    with speaking(lambda asked: (200, completion(texts[asked["messages"][0]["content"]]))) as url:
        answers = ask(url, "toy", PROBLEMS, FakeJudge.in_turn(*verdicts), SECTION, concurrency=3)
    assert [(answer.problem, answer.passed) for answer in answers] == [
        ("toy/0", True),
        ("toy/1", False),
        ("toy/2", False),
    ]
