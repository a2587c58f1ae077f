"""The engine for OpenAI-compatible servers, against a server that plays one: faults are never answers."""

import json
import logging
import threading
from typing import Any

import msgspec
import pytest

from rustml.errors import EnvironmentFault, InputError
from rustml.evaluation.suites.protocols import PROTOCOLS
from rustml.generation.engines import ENGINES
from rustml.generation.sampling import Engine, Prompt, Sampling
from rustml.generation.setup import Setup
from rustml.profile.chat import ChatSection
from rustml.profile.evaluation import ServerSection
from tests.support.evaluation_doubles import problem
from tests.support.openai_server import KEY, VARIABLE, chat_reply

CHAT = ChatSection(template="checkpoint", system="")
GREEDY = Sampling(temperature=0.0, top_p=0.9, samples=1, max_new_tokens=12, stops=(), seed=1)


def engine(url: str, chat: ChatSection = CHAT, **changes: Any) -> Engine:
    server = ServerSection(url, "coder-1", VARIABLE, retries=2, timeout_seconds=10.0, concurrency=4, extra={})
    return ENGINES["openai"](Setup(chat, server=msgspec.structs.replace(server, **changes)))


def question(opened: Engine, text: str) -> Prompt:
    return Prompt.question(opened.tokenizer, text)


def test_a_question_goes_to_chat_with_every_setting_and_its_key(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply("fn add() {}")))
    opened = engine(api.url, extra={"chat_template_kwargs": {"enable_thinking": False}})
    sampling = Sampling(temperature=0.5, top_p=0.9, samples=1, max_new_tokens=12, stops=("END",), seed=1)
    assert opened.generate([question(opened, "Add.")], sampling) == [["fn add() {}"]]
    (body,) = api.bodies
    seed = body.pop("seed")
    assert isinstance(seed, int)
    assert body == {
        "model": "coder-1",
        "messages": [{"role": "user", "content": "Add."}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 12,
        "stop": ["END"],
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert api.paths == ["/v1/chat/completions"]
    assert api.keys == [f"Bearer {KEY}"]


def test_raw_text_goes_to_completions(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply(" { 1 }")))
    opened = engine(api.url)
    assert opened.generate([Prompt.raw(opened.tokenizer, "fn one() -> u8")], GREEDY) == [[" { 1 }"]]
    assert api.paths == ["/v1/completions"]
    assert api.bodies[0]["prompt"] == "fn one() -> u8"
    assert "stop" not in api.bodies[0]


def test_the_profiles_system_prompt_is_sent_and_belongs_to_the_protocol(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply("x")))
    opened = engine(api.url, ChatSection(template="checkpoint", system="You write Rust."))
    opened.generate([question(opened, "Add.")], GREEDY)
    assert api.bodies[0]["messages"][0] == {"role": "system", "content": "You write Rust."}
    assert opened.engine != engine(api.url).engine
    assert "coder-1" not in str(opened.engine), "what is measured is no part of how"
    assert KEY not in str(opened.engine)


def test_answers_keep_the_order_of_prompts_and_samples_and_each_has_a_seed(serve: Any) -> None:
    seen = threading.Barrier(4, timeout=30)  # four requests are under way at once

    def play(_n: int, body: dict[str, Any]) -> tuple[int, str]:
        seen.wait()
        return 200, chat_reply(f"{body['messages'][0]['content']} {body['seed']}")

    api = serve(play)
    opened = engine(api.url)
    sampling = Sampling(temperature=1.0, top_p=1.0, samples=2, max_new_tokens=4, stops=(), seed=3)
    prompts = [question(opened, text) for text in ("a", "b", "c", "d")]
    drawn = opened.generate(prompts, sampling)
    assert [[answer[0] for answer in answers] for answers in drawn] == [[text] * 2 for text in "abcd"]
    assert len({answer for answers in drawn for answer in answers}) == 8
    assert opened.generate(prompts, sampling) == drawn


def test_an_answer_is_cut_at_every_stop_though_the_api_takes_four(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply("one five two")))
    opened = engine(api.url)
    sampling = Sampling(
        temperature=0.0, top_p=1.0, samples=1, max_new_tokens=4, stops=("a!", "b!", "c!", "d!", " five"), seed=1
    )
    assert opened.generate([question(opened, "x")], sampling) == [["one"]]
    assert api.bodies[0]["stop"] == ["a!", "b!", "c!", "d!"]


@pytest.mark.parametrize("status", [408, 429, 500, 503])
def test_rate_limits_and_server_errors_are_tried_again_and_then_are_faults(serve: Any, status: int) -> None:
    api = serve(lambda n, _body: (status, "{}") if n < 3 else (200, chat_reply("x")))
    opened = engine(api.url)
    assert opened.generate([question(opened, "a")], GREEDY) == [["x"]]
    assert len(api.bodies) == 3
    silent = engine(serve(lambda _n, _body: (status, "{}")).url)
    with pytest.raises(EnvironmentFault, match=rf"did not answer after 2 retries \(HTTP {status}\)"):
        silent.generate([question(silent, "a")], GREEDY)


def test_a_server_that_is_not_there_is_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, KEY)
    opened = engine("http://127.0.0.1:9/v1", retries=0)
    with pytest.raises(EnvironmentFault, match="APIConnectionError"):
        opened.generate([question(opened, "a")], GREEDY)


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_refused_key_or_model_names_what_to_check_and_not_the_key(serve: Any, status: int) -> None:
    opened = engine(serve(lambda _n, _body: (status, json.dumps({"error": {"message": KEY}}))).url)
    with pytest.raises(InputError, match=rf"HTTP {status}.*coder-1.*{VARIABLE}") as error:
        opened.generate([question(opened, "a")], GREEDY)
    assert KEY not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_refused_prompt_is_named(serve: Any, status: int) -> None:
    opened = engine(serve(lambda _n, _body: (status, "{}")).url)
    with pytest.raises(InputError, match=rf"refuses a prompt \(HTTP {status}\).*'a long one'"):
        opened.generate([question(opened, "a long one")], GREEDY)


@pytest.mark.parametrize(
    "reply",
    [
        chat_reply(None),
        chat_reply("x", finish="content_filter"),
        json.dumps({"choices": []}),
        json.dumps({"choices": None}),
        json.dumps({"error": "busy"}),
        json.dumps("just text"),
    ],
)
@pytest.mark.parametrize("raw", [True, False])
def test_a_reply_without_an_answer_is_a_fault_and_not_an_empty_answer(serve: Any, reply: str, raw: bool) -> None:
    opened = engine(serve(lambda _n, _body: (200, reply)).url)
    prompt = Prompt.raw(opened.tokenizer, "a") if raw else question(opened, "a")
    with pytest.raises(EnvironmentFault, match="it is not an answer"):
        opened.generate([prompt], GREEDY)


def test_a_model_that_says_nothing_has_answered(serve: Any) -> None:
    opened = engine(serve(lambda _n, _body: (200, chat_reply(""))).url)
    assert opened.generate([question(opened, "a")], GREEDY) == [[""]]


def test_an_answer_that_the_prompt_begins_is_refused_before_anything_is_sent(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply("x")))
    opened = engine(api.url)
    prompt = PROTOCOLS["humaneval_chat"].prompt(problem(1), opened.tokenizer, ())
    with pytest.raises(InputError, match="protocol without it"):
        opened.generate([prompt], GREEDY)
    assert api.bodies == []


def test_every_other_protocol_can_be_asked_without_a_tokenizer(serve: Any) -> None:
    api = serve(lambda _n, _body: (200, chat_reply("x")))
    opened = engine(api.url)
    prompts = [
        PROTOCOLS[name].prompt(problem(1), opened.tokenizer, ()) for name in ("chat", "pair", "humaneval", "mbpp")
    ]
    assert opened.generate(prompts, GREEDY) == [["x"]] * 4
    assert sorted(api.paths) == ["/v1/chat/completions"] * 2 + ["/v1/completions"] * 2


@pytest.mark.parametrize("key", ["", "two words", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_before_anything_is_sent(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv(VARIABLE, key)
    with pytest.raises(InputError, match=VARIABLE) as error:
        engine("http://127.0.0.1:9/v1")
    assert not key or key not in str(error.value)


def test_an_engine_without_a_server_is_refused() -> None:
    with pytest.raises(InputError, match="base_url"):
        ENGINES["openai"](Setup(CHAT))


def test_the_key_is_in_no_log(serve: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    opened = engine(serve(lambda n, _body: (429 if n == 1 else 200, chat_reply("x"))).url)
    opened.generate([question(opened, "a")], GREEDY)
    assert caplog.records
    assert KEY not in caplog.text
    assert not any(KEY in repr(record.__dict__) for record in caplog.records)
