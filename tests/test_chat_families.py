"""Chat rendering for the special-token rules of five families: what is trained on is what is served."""

import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer

from rustml import chat
from rustml.errors import InputError
from rustml.profile.chat import ChatSection
from tests.support.tokenizers import FAMILIES, tokenizer_of

CHECKPOINT = ChatSection(template="checkpoint", system="")
SYSTEM = 'You write Rust.\nSay "no" to {{ braces }}, {% blocks %}, back\\slashes and ü, 🦀.'
CHATTING = [name for name, family in FAMILIES.items() if family.template]
CASES = list(itertools.product(FAMILIES, ("checkpoint", "chatml"), ("", SYSTEM)))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="<|>"), min_size=1, max_size=40).map(
    lambda text: text.strip() or "x"
)


def prepared(name: str, template: Any = "checkpoint", system: str = "") -> Any:
    return chat.prepare(tokenizer_of(name), ChatSection(template=template, system=system))


def served(tokenizer: Any, instruction: str) -> list[int]:
    """As a server renders a chat request: by the saved template, no token added."""
    text = tokenizer.apply_chat_template(
        chat.messages(instruction), tokenize=False, add_generation_prompt=True, enable_thinking=False
    )
    return list(tokenizer.encode(text, add_special_tokens=False))


@pytest.mark.parametrize(("name", "template", "system"), [c for c in CASES if c[:2] != ("starcoder2", "checkpoint")])
@given(asked=TEXT, reply=TEXT)
@settings(max_examples=15)
def test_bytes_trained_on_are_bytes_served(name: str, template: str, system: str, asked: str, reply: str) -> None:
    tokenizer = prepared(name, template, system)
    ids, labels = chat.encode(tokenizer, asked, reply)
    prompt = served(tokenizer, asked)
    assert ids[: len(prompt)] == prompt
    assert tokenizer.encode(chat.prompt(tokenizer, asked), add_special_tokens=False) == prompt
    assert labels == [-100] * len(prompt) + ids[len(prompt) :], "loss on answer and end of turn alone"
    end = FAMILIES[name].end_of_turn if template == "checkpoint" else tokenizer.eos_token
    assert tokenizer.decode(ids[len(prompt) :]) == reply + end
    assert ids[-1] in chat.end_ids(tokenizer), "what is trained on as the end is what generation stops at"
    start = FAMILIES[name].bos if FAMILIES[name].adds_start else None
    if start is not None:
        assert ids.count(tokenizer.convert_tokens_to_ids(start)) == 1
        assert ids[0] == tokenizer.convert_tokens_to_ids(start)


@pytest.mark.parametrize("name", FAMILIES)
@given(text=TEXT)
@settings(max_examples=15)
def test_raw_text_begins_and_ends_as_the_tokenizer_and_the_model_know_it(name: str, text: str) -> None:
    tokenizer = prepared(name)
    ids, labels = chat.encode(tokenizer, "", text)
    continued = tokenizer.encode(chat.raw(tokenizer, text), add_special_tokens=False)
    assert continued == tokenizer.encode(text), "as a server's completion endpoint encodes it"
    assert ids == [*continued, tokenizer.eos_token_id]
    started = int(FAMILIES[name].adds_start)
    assert labels == [-100] * started + ids[started:]


@pytest.mark.parametrize(("name", "template"), [c[:2] for c in CASES if c[2] and c[:2] != ("starcoder2", "checkpoint")])
def test_a_library_that_adds_special_tokens_meets_the_start_token_once(name: str, template: str) -> None:
    tokenizer = prepared(name, template)
    text = chat.prompt(tokenizer, "Add.")
    assert tokenizer(text=[chat.without_start(tokenizer, text)])["input_ids"] == [served(tokenizer, "Add.")]


@pytest.mark.parametrize("name", CHATTING)
def test_the_end_of_turn_is_the_templates_own(name: str) -> None:
    tokenizer = prepared(name)
    assert chat.end_of_turn(tokenizer) == FAMILIES[name].end_of_turn
    ends = {FAMILIES[name].end_of_turn, FAMILIES[name].eos}
    assert chat.end_ids(tokenizer) == sorted(map(tokenizer.convert_tokens_to_ids, ends))


def test_a_tokenizer_without_a_template_is_refused_with_the_key_to_set() -> None:
    tokenizer = prepared("starcoder2")
    for ask in (chat.prompt, lambda *given: chat.encode(*given, "reply")):
        with pytest.raises(InputError, match=r"no chat template.*chat\.template: chatml"):
            ask(tokenizer, "Add.")
    assert chat.digest(tokenizer) == ""


@pytest.mark.parametrize("name", FAMILIES)
def test_the_system_prompt_comes_with_the_saved_tokenizer(name: str, tmp_path: Path) -> None:
    template = "checkpoint" if FAMILIES[name].template else "chatml"
    tokenizer = prepared(name, template, SYSTEM)
    assert SYSTEM in chat.prompt(tokenizer, "Add.")
    tokenizer.save_pretrained(str(tmp_path))
    loaded = AutoTokenizer.from_pretrained(str(tmp_path))
    assert served(loaded, "Add.") == served(tokenizer, "Add.")
    assert loaded.decode(served(loaded, "Add.")).count(SYSTEM) == 1
    assert chat.digest(loaded) == chat.digest(tokenizer)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_conversation_with_a_system_prompt_of_its_own_is_rendered_with_that(name: str) -> None:
    template = "checkpoint" if FAMILIES[name].template else "chatml"
    with_default, without = prepared(name, template, SYSTEM), prepared(name, template)
    talk = chat.messages("Add.", "Another.")
    assert with_default.apply_chat_template(talk, tokenize=False) == without.apply_chat_template(talk, tokenize=False)
    asked = chat.messages("Add.", SYSTEM)
    assert chat.prompt(with_default, "Add.") == without.apply_chat_template(
        asked, tokenize=False, add_generation_prompt=True, enable_thinking=False
    )


@pytest.mark.parametrize(("name", "template", "system"), [c for c in CASES if c[:2] != ("starcoder2", "checkpoint")])
def test_preparing_twice_changes_nothing_and_another_system_prompt_replaces_the_first(
    name: str, template: Any, system: str
) -> None:
    tokenizer = prepared(name, template, system)
    before = tokenizer.chat_template
    assert chat.prepare(tokenizer, ChatSection(template=template, system=system)).chat_template == before
    chat.prepare(tokenizer, ChatSection(template="checkpoint", system="Another."))
    assert tokenizer.chat_template == prepared(name, template, "Another.").chat_template


def test_nothing_asked_for_leaves_a_template_byte_for_byte() -> None:
    for name in CHATTING:
        assert prepared(name).chat_template == FAMILIES[name].template


def test_the_digest_follows_template_and_system_prompt() -> None:
    made = [prepared(name, template, system) for name, template, system in CASES if name == "qwen3"]
    assert len({chat.digest(tokenizer) for tokenizer in made}) == len(made)


def test_a_template_that_refuses_a_system_prompt_is_named() -> None:
    tokenizer = tokenizer_of("gemma-3")
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    tokenizer.chat_template = refusal + tokenizer.chat_template
    with pytest.raises(InputError, match=r"chat\.system.*no system"):
        chat.prepare(tokenizer, ChatSection(template="checkpoint", system="You."))


def test_a_tokenizer_without_an_end_of_text_cannot_take_the_projects_template() -> None:
    tokenizer = tokenizer_of("starcoder2")
    tokenizer.eos_token = None
    with pytest.raises(InputError, match=r"chat\.template: chatml.*eos_token"):
        chat.prepare(tokenizer, ChatSection(template="chatml", system=""))
