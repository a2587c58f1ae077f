"""vLLM itself behind its socket, with what quantisation makes: real clients, once for all tests here."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx2
import msgspec
import openai
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from rustml.errors import EnvironmentFault
from rustml.models import checkpoint, tokenizer
from rustml.models.compute import Compute
from rustml.profile import load
from rustml.serving.smoke import URL, ask, client
from rustml.serving.upstream import Upstream, serving
from rustml.testing import FakeJudge
from rustml.training import pretrain
from tests.support.toy_models import TEXTS, base, problem

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
PATIENCE = 3000.0
SECTION = msgspec.structs.replace(
    load("tiny").serve, context=256, max_new_tokens=8, startup_seconds=PATIENCE, request_seconds=PATIENCE
)
PROBLEMS = [problem(number) for number in range(3)]
MIDDLE = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
QUESTION: list[Any] = [{"role": "user", "content": "Add two numbers."}]


@cache
def with_control_tokens() -> PreTrainedTokenizerFast:
    """A tokenizer with the control tokens for fill-in-the-middle of Qwen2.5-Coder."""
    words = tokenizer.train(TEXTS, 320, 256)
    words.add_special_tokens({"additional_special_tokens": list(MIDDLE)})
    return words


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A random tiny model in FP8: it answers nonsense, in the chat form and under its name."""
    pytest.importorskip("vllm")
    from rustml.models.quantise import quantize

    folder = tmp_path_factory.mktemp("vllm")
    # vLLM's attention on a CPU takes heads of 32 and more.
    words = with_control_tokens()
    shape = msgspec.structs.replace(base().architecture, head_dim=32, heads=1, vocabulary=len(words))
    network = pretrain.new_model(shape, words, seed=1, compute=Compute("cpu", "bfloat16", "eager"))
    for weight in network.parameters():
        if not weight.any():  # as training begins; rows of zeros have no scale in FP8
            torch.nn.init.normal_(weight, std=0.2)
    checkpoint.save(network, words, folder / "parent")
    quantize(folder / "parent", load("tiny").quantize, folder / "fp8")
    with serving(folder / "fp8", "toy", SECTION, folder / "vllm.log", lambda _: None) as running:
        yield running


@pytest.fixture
def http(engine: Upstream) -> Iterator[httpx2.Client]:
    with client(engine.socket) as carrier:
        yield carrier


@pytest.fixture
def api(http: httpx2.Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=URL, api_key="none", max_retries=0, http_client=http)


def test_it_answers_in_the_chat_form_and_under_its_name(http: httpx2.Client) -> None:
    answers = ask(http, "toy", PROBLEMS, FakeJudge(), SECTION)
    assert [answer.problem for answer in answers] == ["toy/0", "toy/1", "toy/2"]
    assert all(answer.status == "format" for answer in answers)
    with pytest.raises(EnvironmentFault, match="toy/0"):
        ask(http, "another", PROBLEMS[:1], FakeJudge(), SECTION)


def test_a_stream_gives_the_words_of_the_whole_answer(api: openai.OpenAI) -> None:
    options: dict[str, Any] = {"model": "toy", "messages": QUESTION, "temperature": 0.0, "max_tokens": 12}
    whole = api.chat.completions.create(**options).choices[0].message.content
    pieces = [chunk.choices[0].delta.content or "" for chunk in api.chat.completions.create(stream=True, **options)]
    assert "".join(pieces) == whole
    assert len(pieces) > 1


def test_a_stream_that_is_left_does_not_hold_the_server(api: openai.OpenAI) -> None:
    for _ in range(4):
        with api.chat.completions.create(model="toy", messages=QUESTION, stream=True, max_tokens=100) as stream:
            next(iter(stream))
    assert api.chat.completions.create(model="toy", messages=QUESTION, max_tokens=4).choices


def test_several_answers_with_log_probabilities(api: openai.OpenAI) -> None:
    answer = api.chat.completions.create(
        model="toy", messages=QUESTION, n=2, max_tokens=4, logprobs=True, top_logprobs=2, temperature=1.0, seed=1
    )
    assert len(answer.choices) == 2
    for choice in answer.choices:
        assert choice.logprobs is not None
        assert choice.logprobs.content
        assert all(token.logprob <= 0 for token in choice.logprobs.content)


def test_an_answer_ends_before_its_stop_string(api: openai.OpenAI) -> None:
    options: dict[str, Any] = {"model": "toy", "messages": QUESTION, "temperature": 0.0, "max_tokens": 12}
    whole = api.chat.completions.create(**options).choices[0].message.content or ""
    stop = whole[len(whole) // 2 :][:2]
    cut = api.chat.completions.create(stop=[stop], **options).choices[0]
    assert cut.message.content == whole[: whole.index(stop)]
    assert cut.finish_reason == "stop"


def test_fill_in_the_middle_is_asked_by_the_models_control_tokens(api: openai.OpenAI) -> None:
    """The server reads them as such, puts no chat form around them, and leaves them out of the answer."""
    before, after, middle = MIDDLE
    prompt = f"{before}fn add(a: i64) -> i64 {{{after}}}{middle}"
    ids = with_control_tokens().encode(prompt, add_special_tokens=False)
    assert {*with_control_tokens().convert_tokens_to_ids(list(MIDDLE))} < {*ids}
    options: dict[str, Any] = {"model": "toy", "max_tokens": 8, "temperature": 0.0}
    asked, by_number = (api.completions.create(prompt=given, **options) for given in (prompt, ids))
    assert asked.usage is not None
    assert asked.usage.prompt_tokens == len(ids)
    assert asked.choices[0].text == by_number.choices[0].text
    assert not any(token in asked.choices[0].text for token in MIDDLE)


def test_a_prompt_that_leaves_no_room_and_broken_json_are_the_clients_fault(
    api: openai.OpenAI, http: httpx2.Client
) -> None:
    with pytest.raises(openai.BadRequestError):
        api.chat.completions.create(model="toy", messages=[{"role": "user", "content": "word " * 400}], max_tokens=4)
    broken = http.post(f"{URL}/chat/completions", content=b"{", headers={"content-type": "application/json"})
    assert broken.is_client_error
