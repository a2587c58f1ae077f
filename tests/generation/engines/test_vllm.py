"""vLLM itself, offline."""

from pathlib import Path

import pytest

from rustml.generation.engines.vllm import VllmEngine
from rustml.generation.sampling import Prompt, Sampling
from rustml.generation.setup import Setup
from rustml.profile import load
from tests.support.random_model import random_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_seeded_prompts_may_be_longer_together_than_vllm_reads_at_once(tmp_path: Path) -> None:
    pytest.importorskip("vllm")
    model = random_model(tmp_path / "model", context=512)
    prompts = [Prompt(f"fn f{number}(a: i64) -> i64 {{ a + {number} }} " * 15) for number in range(80)]
    sampling = Sampling(temperature=1.0, top_p=1.0, samples=1, max_new_tokens=4, stops=(), seed=17)
    engine = VllmEngine(Setup(chat=load("tiny").chat, model=model, dtype="float32", batch_size=64))
    try:
        read_at_once = 4096
        assert sum(len(engine.tokenizer.encode(prompt.text)) for prompt in prompts[:64]) > 2 * read_at_once
        answers = engine.generate(prompts, sampling)
        assert engine.generate(prompts, sampling) == answers
    finally:
        engine.close()
    assert [len(samples) for samples in answers] == [1] * len(prompts)
