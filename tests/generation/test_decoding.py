"""A batch that shrinks says what plain generation says, in less work."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers.generation.logits_process import TopPLogitsWarper

from rustml.generation.decoding import drawn, generate, outside_nucleus

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
    decoding = generate(model, **batch, generation_config=config, every=every)
    assert trimmed(decoding) == trimmed(plain)


def test_the_output_matrix_meets_no_strided_states_for_which_it_would_be_copied_per_row(model: Any, batch: Any) -> None:
    seen: list[tuple[tuple[int, ...], bool, bool]] = []

    def look(_module: Any, inputs: Any) -> None:
        seen.append((tuple(inputs[0].shape[:2]), inputs[0].is_contiguous(), torch.is_grad_enabled()))

    config = settings(model, batch)
    hook = model.get_output_embeddings().register_forward_pre_hook(look)
    try:
        generate(model, **batch, generation_config=config, every=100)
    finally:
        hook.remove()
    assert len(seen) > 2
    assert set(seen) == {((len(TEXTS), 1), True, False)}


def test_answers_are_told_of_when_they_leave_the_batch(model: Any, batch: Any) -> None:
    config = settings(model, batch)
    told: list[tuple[list[int], list[int]]] = []

    def ended(prompts: torch.Tensor, answers: torch.Tensor) -> None:
        told.extend(zip(prompts.tolist(), trimmed(answers), strict=True))

    result = generate(model, **batch, generation_config=config, every=4, ended=ended)
    width = batch.input_ids.shape[1]
    whole = dict(zip(map(tuple, batch.input_ids.tolist()), trimmed(result[:, width:]), strict=True))
    assert 0 < len(told) <= len(whole)
    assert all(whole.pop(tuple(prompt)) == answer for prompt, answer in told), "each once, as in the result"


@pytest.fixture
def sizes(model: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of sequences in each pass through the model."""
    sizes: list[int] = []
    forward = type(model).forward

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        sizes.append(len(options["input_ids"]))
        return forward(self, *args, **options)

    monkeypatch.setattr(type(model), "forward", counted)
    return sizes


def test_ended_sequences_are_not_computed_on(model: Any, batch: Any, sizes: list[int]) -> None:
    config = settings(model, batch)
    sizes.clear()  # the settings are read off an answer
    generate(model, **batch, generation_config=config, every=4)
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


def test_a_prompt_that_is_answered_several_times_is_read_once(model: Any, batch: Any, sizes: list[int]) -> None:
    config = settings(model, batch, do_sample=True, num_return_sequences=2, max_new_tokens=4)
    sizes.clear()
    repeated = {name: tensor.repeat_interleave(3, dim=0) for name, tensor in batch.items()}
    output = generate(model, **repeated, generation_config=config)
    assert sizes[:2] == [len(TEXTS), 6 * len(TEXTS)]
    prompts = output[:, : batch.input_ids.shape[1]]
    assert torch.equal(prompts, batch.input_ids.repeat_interleave(6, dim=0))


def test_an_answer_ends_with_the_piece_that_holds_a_stop_string(model: Any, batch: Any, tiny_model: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(tiny_model), padding_side="left")
    free = settings(model, batch, eos_token_id=0, max_new_tokens=24)
    width = batch.input_ids.shape[1]
    answers = tokenizer.batch_decode(generate(model, **batch, generation_config=free)[:, width:])
    free.stop_strings = [answers[0][:6]]
    stopped = generate(model, **batch, generation_config=free, tokenizer=tokenizer, every=4)[:, width:]
    texts = tokenizer.batch_decode(stopped, skip_special_tokens=True)
    assert free.stop_strings[0] in texts[0]
    assert len(texts[0]) < len(answers[0])
    assert answers[0].startswith(texts[0])


@pytest.mark.parametrize("setting", [{"num_beams": 4}, {"repetition_penalty": 1.3}, {"min_p": 0.1}])
def test_a_setting_that_is_not_followed_is_refused(model: Any, batch: Any, setting: dict[str, Any]) -> None:
    name = next(iter(setting))
    with pytest.raises(ValueError, match=name):
        generate(model, **batch, generation_config=settings(model, batch, **setting))


class TestDrawn:
    """Tokens drawn from logits."""

    LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -torch.inf])

    def counts(self, draws: int = 20_000, **how: Any) -> torch.Tensor:
        torch.manual_seed(3)
        config = GenerationConfig(do_sample=True, **{"temperature": 1.0, "top_k": 0, "top_p": 1.0, **how})
        return torch.bincount(drawn(self.LOGITS.expand(draws, -1), config), minlength=5) / draws

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
    def test_follow_the_softmax_at_a_temperature(self, temperature: float) -> None:
        wanted = (self.LOGITS / temperature).softmax(-1)
        assert torch.allclose(self.counts(temperature=temperature), wanted, atol=0.02)

    def test_of_probability_zero_never_come(self) -> None:
        assert self.counts()[4] == 0

    def test_come_from_the_likeliest_alone_under_top_k(self) -> None:
        counts = self.counts(top_k=2)
        assert torch.allclose(counts, torch.tensor([0.731, 0.269, 0, 0, 0]), atol=0.02)

    @pytest.mark.parametrize(("top_p", "tokens"), [(0.1, 1), (0.64, 1), (0.65, 2), (0.9, 3), (0.999, 4)])
    def test_come_from_the_nucleus(self, top_p: float, tokens: int) -> None:
        assert (self.counts(top_p=top_p) > 0).sum() == tokens

    @pytest.mark.parametrize("top_p", [0.3, 0.7, 0.95])
    def test_have_the_nucleus_that_transformers_has(self, top_p: float) -> None:
        torch.manual_seed(5)
        scores = 3 * torch.randn(50, 200)
        theirs = TopPLogitsWarper(top_p)(None, scores)
        assert torch.equal(outside_nucleus(scores, top_p), theirs == -torch.inf)

    def test_are_the_likeliest_without_sampling(self) -> None:
        assert drawn(torch.tensor([[0.0, 3.0, 1.0]]), GenerationConfig(do_sample=False)).tolist() == [1]
