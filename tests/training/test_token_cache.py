"""Tokenised records come from the cache exactly as they were, and only where nothing that decides them differs."""

from pathlib import Path

import pytest

from rustml import chat
from rustml.training import data
from rustml.training.data import Text
from rustml.training.token_cache import TokenCache
from tests.support.tokenizers import tokenizer_of
from tests.support.toy_models import problem, words

TEXTS: list[Text] = [*data.solved(problem(number) for number in range(20)), ("", "fn f() {}"), ("Say nothing.", "")]


def test_what_was_tokenised_is_read_and_not_tokenised_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = TokenCache(tmp_path / "tokens")
    first = cache.encode(words(), iter(TEXTS), 60, 12)
    assert first == data.encode(words(), TEXTS, 60, 12)
    monkeypatch.setattr(chat, "encode_all", lambda *_: pytest.fail("tokenised again"))
    assert cache.encode(words(), TEXTS, 60, 12) == first


def test_another_text_limit_context_or_tokenizer_is_another_entry(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path)
    for texts, context, limit in ((TEXTS, 60, None), (TEXTS, 60, 12), (TEXTS, 256, 12), (TEXTS[1:], 256, 12)):
        assert cache.encode(words(), texts, context, limit) == data.encode(words(), texts, context, limit)
    assert len(list(tmp_path.iterdir())) == 4
    other = tokenizer_of("qwen2.5")
    assert cache.encode(other, TEXTS, 256, 12) == data.encode(other, TEXTS, 256, 12)
    assert len(list(tmp_path.iterdir())) == 5


@pytest.mark.parametrize("family", ["qwen2.5", "llama-3.1", "gemma-3", "starcoder2"])
def test_records_tokenised_together_are_those_tokenised_alone(family: str) -> None:
    tokenizer = tokenizer_of(family)
    texts = TEXTS if tokenizer.chat_template else TEXTS[-2:-1]
    assert chat.encode_all(tokenizer, texts) == [chat.encode(tokenizer, *text) for text in texts]
    assert chat.encode_all(tokenizer, []) == []
