"""One rendering: what is trained on is byte for byte what is served."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustml import chat
from rustml.rust.fences import extract
from tests.support.toy_models import problem, words

TEXT = st.text(st.characters(codec="utf-8"), max_size=60)
PLAIN = TEXT.filter(lambda text: "<|" not in text and "think>" not in text)


@given(PLAIN, PLAIN)
def test_prompt_and_answer_are_the_templates_own_rendering_of_the_conversation(asked: str, reply: str) -> None:
    spoken = [*chat.messages(asked), {"role": "assistant", "content": reply}]
    whole = words().apply_chat_template(spoken, tokenize=False)
    assert whole == chat.prompt(words(), asked) + reply + words().eos_token + "\n"


@given(PLAIN.filter(bool), PLAIN)
def test_what_is_trained_on_decodes_to_what_is_generated(asked: str, reply: str) -> None:
    ids, _ = chat.encode(words(), asked, reply)
    assert words().decode(ids) == chat.prompt(words(), asked) + reply + words().eos_token
    prompt = words().encode(chat.prompt(words(), asked), add_special_tokens=False)
    assert ids[: len(prompt)] == prompt, "generation starts from these very tokens"


@given(PLAIN.filter(bool), PLAIN)
def test_the_loss_falls_on_the_answer_and_the_end_alone(asked: str, reply: str) -> None:
    ids, labels = chat.encode(words(), asked, reply)
    assert len(ids) == len(labels)
    taught = [token for token in labels if token != -100]
    assert words().decode(taught) == reply + words().eos_token
    assert labels[: len(ids) - len(taught)] == [-100] * (len(ids) - len(taught)), "one stretch, at the end"
    assert ids[len(ids) - len(taught) :] == taught


def test_raw_text_is_all_answer() -> None:
    ids, labels = chat.encode(words(), "", "fn f() {}\n")
    assert ids == labels
    assert words().decode(ids) == "fn f() {}\n<|im_end|>"


def test_an_empty_answer_still_teaches_the_end() -> None:
    _, labels = chat.encode(words(), "Say nothing.", "")
    assert [token for token in labels if token != -100] == [words().eos_token_id]


@pytest.mark.parametrize("code", ["fn add_3() {}", "\n\n  fn add_3() {}\n\n", "fn add_3() {}\n"])
def test_a_fenced_answer_is_what_the_judge_extracts(code: str) -> None:
    assert extract(chat.fenced(code, "rust"), "add_3") == code.strip() + "\n"


def test_the_reference_answer_holds_the_reference() -> None:
    assert extract(chat.answer(problem(3)), "add_3") == problem(3).reference + "\n"
