"""Behavioural prompts are asked as they are, once, and only when a profile asks for them."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import transformers

from rustml.errors import InputError
from rustml.evaluation.sample_completions import OPENINGS, completions, prompts
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.sampling import Sampling
from rustml.generation.setup import Setup
from rustml.profile import load
from rustml.profile.evaluation import BehaviourSection
from rustml.testing import FakeGenerator, FakeTokenizer


def section(**changes: Any) -> BehaviourSection:
    off = {"openings": False, "prompts": [], "temperature": 0.7, "top_p": 1.0, "max_new_tokens": 16}
    return msgspec.convert({**off, **changes}, BehaviourSection)


def engine(folder: Path) -> TransformersEngine:
    return TransformersEngine(Setup(load("tiny").chat, folder, dtype="float32", batch_size=4))


class StartingTokenizer(FakeTokenizer):
    bos_token = "<s>"


class NotingGenerator(FakeGenerator):
    sampling: Sampling | None = None

    def generate(self, prompts: Any, sampling: Sampling) -> list[list[str]]:
        self.sampling = sampling
        return super().generate(prompts, sampling)


def test_nothing_is_asked_when_it_is_switched_off() -> None:
    generator = FakeGenerator(lambda prompt, _: prompt)
    assert completions(section(), generator, FakeTokenizer(), 1) == []
    assert generator.asked == []


def test_the_tiny_profile_asks_nothing() -> None:
    assert not prompts(load("tiny").evaluation.behaviour)


def test_every_opening_and_then_every_own_prompt_has_its_row() -> None:
    generator = NotingGenerator(lambda prompt, sample: f"{prompt[::-1]}{sample}")
    asked = section(openings=True, prompts=["fn parse_order(", "impl"], max_new_tokens=7)
    rows = completions(asked, generator, FakeTokenizer(), 5)
    assert [row["prompt"] for row in rows] == [*OPENINGS, "fn parse_order("]
    assert len(set(OPENINGS)) == 12
    assert all(row == {"prompt": row["prompt"], "completion": f"{row['prompt'][::-1]}0"} for row in rows)
    how = generator.sampling
    assert how is not None
    assert (how.temperature, how.top_p, how.max_new_tokens, how.samples, how.stops, how.seed) == (0.7, 1.0, 7, 1, (), 5)


def test_raw_text_begins_with_the_models_start_token_and_the_table_does_not() -> None:
    generator = FakeGenerator(lambda _prompt, _: "x")
    rows = completions(section(prompts=["use std::"]), generator, StartingTokenizer(), 1)
    assert generator.asked == ["<s>use std::"]
    assert rows == [{"prompt": "use std::", "completion": "x"}]


def test_a_model_goes_on_with_each_and_again_in_the_same_words(tiny_model: Path) -> None:
    generator = engine(tiny_model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tiny_model))
    asked = section(openings=True, max_new_tokens=8)
    rows = completions(asked, generator, tokenizer, 1)
    assert [row["prompt"] for row in rows] == list(OPENINGS)
    assert any(row["completion"] for row in rows)
    assert completions(asked, generator, tokenizer, 1) == rows
    assert completions(asked, generator, tokenizer, 2) != rows


def test_a_prompt_without_room_is_refused(tiny_model: Path) -> None:
    generator = engine(tiny_model)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tiny_model))
    with pytest.raises(InputError, match="context"):
        completions(section(prompts=["fn x"], max_new_tokens=4000), generator, tokenizer, 1)
