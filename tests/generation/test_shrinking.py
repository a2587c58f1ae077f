"""A batch that shrinks says what plain generation says, in less work."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

from rustml.generation.shrinking import generate

pytestmark = pytest.mark.filterwarnings("ignore")  # of torch and transformers about each other
TEXTS = ["return the sum", "fn f1(a: i64)", "a", "the vector of a vector fn f7", "f9 + 9 return"]


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    loaded = AutoModelForCausalLM.from_pretrained(str(tiny_model), dtype=torch.float32, attn_implementation="eager")
    loaded.generation_config = GenerationConfig()
    return loaded.eval()


@pytest.fixture(scope="module")
def batch(tiny_model: Path) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_model), padding_side="left")
    return tokenizer(TEXTS, padding=True, return_tensors="pt", add_special_tokens=False)


def settings(model: Any, batch: Any, **more: Any) -> GenerationConfig:
    """Ends on tokens that some answers hold early, so that the batch does shrink."""
    free = GenerationConfig(max_new_tokens=12, do_sample=False, eos_token_id=None, pad_token_id=0)
    answers = model.generate(**batch, generation_config=free)[:, batch.input_ids.shape[1] :]
    ends = [int(answers[0, 2]), int(answers[1, 7])]
    return GenerationConfig(
        **{"do_sample": False, "max_new_tokens": 40, "eos_token_id": ends, "pad_token_id": 0, **more}
    )


def trimmed(rows: torch.Tensor) -> list[list[int]]:
    """Token ids without the padding behind them."""
    texts = [row.tolist() for row in rows]
    return [text[: max(i for i, token in enumerate(text) if token) + 1] for text in texts]


@pytest.mark.parametrize("every", [1, 3, 16, 100])
def test_greedy_answers_are_those_of_plain_generation(model: Any, batch: Any, every: int) -> None:
    config = settings(model, batch)
    plain = model.generate(**batch, generation_config=config)
    shrinking = generate(model, **batch, generation_config=config, every=every)
    assert trimmed(shrinking) == trimmed(plain)


def test_ended_sequences_are_not_computed_on(model: Any, batch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    forward = type(model).forward

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        sizes.append(len(options["input_ids"]))
        return forward(self, *args, **options)

    monkeypatch.setattr(type(model), "forward", counted)
    generate(model, **batch, generation_config=settings(model, batch), every=4)
    assert sizes[0] == len(TEXTS)
    assert sizes[-1] < len(TEXTS)


def test_several_answers_per_prompt_stand_side_by_side(model: Any, batch: Any) -> None:
    torch.manual_seed(1)
    config = settings(model, batch, do_sample=True, temperature=1.0, num_return_sequences=3)
    output = generate(model, **batch, generation_config=config, every=5)
    assert output.shape[0] == 3 * len(TEXTS)
    prompts = output[:, : batch.input_ids.shape[1]]
    assert torch.equal(prompts, batch.input_ids.repeat_interleave(3, dim=0))
    assert len({tuple(row) for row in output[:3].tolist()}) > 1, "drawn, not copied"


def test_the_given_settings_are_left_as_they_were(model: Any, batch: Any) -> None:
    config = settings(model, batch)
    generate(model, **batch, generation_config=config, every=4)
    assert config.max_new_tokens == 40
