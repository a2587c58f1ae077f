"""The tokenizer: nothing lost, numbers digit by digit, the template's think block."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from rustml.models import tokenizer
from rustml.models.tokenizer import END, PAD, START, THINK, UNTHINK
from tests.support.toy_models import TEXTS, words


def pieces(text: str) -> list[str]:
    return [words().decode([token]) for token in words().encode(text, add_special_tokens=False)]


@given(st.text())
def test_any_text_comes_back(text: str) -> None:
    assert words().decode(words().encode(text, add_special_tokens=False)) == text


@given(st.integers(min_value=0))
def test_every_digit_is_a_token_of_its_own(number: int) -> None:
    assert pieces(str(number)) == list(str(number))


@pytest.mark.parametrize("kind", ["i64", "u8"])
def test_integer_types_are_words_and_not_numbers(kind: str) -> None:
    assert kind in "".join(TEXTS)
    assert pieces(f": {kind}") in ([":", f" {kind}"], [": ", kind])
    assert pieces(f"{kind}0") != [kind, "0"], "i640 is no integer type"


def test_digits_inside_a_name_are_split_too() -> None:
    assert pieces("add_12")[-2:] == ["1", "2"]


def test_special_tokens_are_single_and_end_is_the_end() -> None:
    for token in (PAD, START, END, THINK, UNTHINK):
        assert len(words().encode(token, add_special_tokens=False)) == 1
    assert words().eos_token == END
    assert words().pad_token == PAD
    assert words().eos_token_id != words().pad_token_id, "padding would be an end of turn"


def test_the_vocabulary_has_the_size_asked_for_and_every_byte() -> None:
    assert len(words()) == 320
    assert len(set(words().encode("".join(map(chr, range(256))), add_special_tokens=False))) > 100


def test_training_is_a_function_of_its_texts() -> None:
    assert tokenizer.train(TEXTS, 320, 256).get_vocab() == words().get_vocab()


def test_a_saved_tokenizer_renders_and_encodes_the_same(tmp_path: Path) -> None:
    words().save_pretrained(str(tmp_path))
    loaded = AutoTokenizer.from_pretrained(str(tmp_path))
    asked = [{"role": "user", "content": "Add 12 to an i64."}]
    assert loaded.get_chat_template() == words().get_chat_template()
    assert loaded.encode(TEXTS[5]) == words().encode(TEXTS[5])
    for thinking in (True, False):
        options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": thinking}
        assert loaded.apply_chat_template(asked, **options) == words().apply_chat_template(asked, **options)


def test_the_template_leaves_an_empty_think_block_where_thinking_is_off() -> None:
    asked = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    shared = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
    off = words().apply_chat_template(asked, tokenize=False, add_generation_prompt=True, enable_thinking=False)
    on = words().apply_chat_template(asked, tokenize=False, add_generation_prompt=True, enable_thinking=True)
    assert off == shared + "<think>\n\n</think>\n\n"
    assert on == shared
