"""The probe of a tokenizer on Rust: what it counts, and each fault that it warns of."""

from typing import Any

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from rustml.training.report.tokenizer_probe import CONSTRUCTS, TEXTS, probe, rust_answers
from tests.support.tokenizers import FAMILIES, tokenizer_of
from tests.support.toy_models import CODE, words

REAL = [CODE.format(n=n) for n in range(5)]


def broken(normalizer: Any = None) -> Any:
    """Words by white space, all else unknown; no template, no end of text."""
    inner = Tokenizer(models.WordLevel({"[UNK]": 0, "fn": 1, "f": 2}, unk_token="[UNK]"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    if normalizer:
        inner.normalizer = normalizer
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]")


def test_a_tokenizer_of_bytes_keeps_every_text_and_its_length_is_told() -> None:
    found = probe(words(), REAL, 320)
    assert found.warnings == []
    assert [row["text"] for row in found.rows] == [*CONSTRUCTS, "real texts"]
    assert found.rows[-1]["round_trip"] == "5 of 5"
    assert found.characters_per_token > 2
    table = found.table().splitlines()
    assert len(table) == 2 + len(CONSTRUCTS)
    assert table[1].startswith("lifetime")
    assert table[1].endswith("yes")


@pytest.mark.parametrize("family", FAMILIES)
def test_known_families_lose_nothing_though_few_characters_make_a_token(family: str) -> None:
    tokenizer = tokenizer_of(family)
    found = probe(tokenizer, [], len(tokenizer))
    assert all(row["round_trip"] == "yes" for row in found.rows)
    expected = ["is 1."] if FAMILIES[family].template else ["chat.template", "is 1."]
    assert len(found.warnings) == len(expected), found.warnings
    assert all(words in text for words, text in zip(expected, found.warnings, strict=True))


def test_a_tokenizer_that_loses_text_is_named_with_what_it_loses() -> None:
    warnings = "\n".join(probe(broken(normalizers.Lowercase()), REAL, 3).warnings)
    assert "another text after encoding and decoding: lifetime" in warnings
    assert "tokens are unknown ([UNK])" in warnings
    assert "no end of text" in warnings
    assert "chat.template" in warnings


def test_special_tokens_in_pieces_and_entries_without_an_embedding_are_warned_of() -> None:
    tokenizer = tokenizer_of("qwen3")
    tokenizer.split_special_tokens = True
    warnings = "\n".join(probe(tokenizer, REAL, 200).warnings)
    assert "special tokens are split into pieces: <|endoftext|>, <|im_end|>, <|im_start|>" in warnings
    assert f"{len(tokenizer)} entries and the model 200 embeddings" in warnings


def test_answers_are_taken_from_every_part_and_those_in_python_left_out() -> None:
    many = [("?", f"fn f{number}() {{}}") for number in range(TEXTS)]
    python = [("?", "```python\ndef f(): ...\n```")]
    chosen = rust_answers([many, [("?", "struct S;")], python, []])
    assert len(chosen) == TEXTS // 2 + 1
    assert chosen[-1] == "struct S;"
