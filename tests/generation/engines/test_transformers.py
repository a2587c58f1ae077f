import json
import sys
import weakref
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from rustml.errors import EnvironmentFault, InputError
from rustml.generation.ending import end_tokens
from rustml.generation.engines import ENGINES
from rustml.generation.engines.transformers import TransformersEngine
from rustml.generation.engines.vllm import VllmEngine
from rustml.generation.sampling import Prompt, Sampling, before_stop
from rustml.generation.setup import Setup
from rustml.models import checkpoint as checkpoints
from rustml.models import vllm_lora
from rustml.profile.chat import ChatSection
from rustml.profile.evaluation import EvaluationSection
from tests.support.tokenizers import FAMILIES, tokenizer_of
from tests.support.toy_models import save_adapter


def sampling(**changes: object) -> Sampling:
    given = {"temperature": 0.0, "top_p": 1.0, "samples": 1, "max_new_tokens": 12, "stops": (), "seed": 1}
    return Sampling(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def prompts(tiny_model: Path) -> list[Prompt]:
    tokenizer = checkpoints.load_tokenizer(tiny_model)
    return [Prompt.question(tokenizer, "return the sum " * (1 + number % 5) + str(number)) for number in range(9)]


@pytest.fixture(scope="module")
def generator(tiny_model: Path) -> TransformersEngine:
    return engine(tiny_model)


CHAT = ChatSection(template="checkpoint", system="")


def engine(folder: Path, batch_size: int = 4) -> TransformersEngine:
    return TransformersEngine(Setup(CHAT, folder, dtype="float32", batch_size=batch_size), device="cpu")


def by_hand(model_dir: Path, prompt: str, tokens: int) -> str:
    """Greedy continuation of one prompt, token by token, without generate()."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(model_dir))
    model = transformers.AutoModelForCausalLM.from_pretrained(str(model_dir), dtype=torch.float32).eval()
    ids = tokenizer.encode(prompt, add_special_tokens=False)
    start = len(ids)
    with torch.inference_mode():
        while len(ids) < start + tokens:
            ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == tokenizer.eos_token_id:
                break
    return str(tokenizer.decode(ids[start:], skip_special_tokens=True))


def test_batched_greedy_answers_are_those_of_each_prompt_alone(
    generator: TransformersEngine, tiny_model: Path, prompts: list[Prompt]
) -> None:
    batched = generator.generate(prompts, sampling())
    assert batched == [[by_hand(tiny_model, prompt.text, 12)] for prompt in prompts]


def test_samples_differ_repeat_with_the_seed_and_move_with_it(
    generator: TransformersEngine, prompts: list[Prompt]
) -> None:
    drawn = sampling(temperature=1.0, samples=4)
    first = generator.generate(prompts, drawn)
    assert [len(answers) for answers in first] == [4] * len(prompts)
    assert any(len(set(answers)) > 1 for answers in first)
    assert generator.generate(prompts, drawn) == first
    assert generator.generate(prompts, sampling(temperature=1.0, samples=4, seed=2)) != first


def test_samples_follow_the_models_distribution(tiny_model: Path, prompts: list[Prompt]) -> None:
    """First tokens drawn at temperature 1 against the softmax of the logits: top_k and the like are really off."""
    wide = engine(tiny_model, 4000)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(tiny_model))
    model = transformers.AutoModelForCausalLM.from_pretrained(str(tiny_model), dtype=torch.float32).eval()
    ids = torch.tensor([tokenizer.encode(prompts[0].text, add_special_tokens=False)])
    with torch.inference_mode():
        expected = torch.softmax(model(ids).logits[0, -1], dim=-1)
    (answers,) = wide.generate(prompts[:1], sampling(temperature=1.0, samples=4000, max_new_tokens=1))
    assert len(set(answers)) > 100
    share = answers.count(tokenizer.decode([int(expected.argmax())])) / 4000
    assert share == pytest.approx(float(expected.max()), abs=0.02)


def test_sampling_leaves_the_callers_random_state_alone(generator: TransformersEngine, prompts: list[Prompt]) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    generator.generate(prompts[:2], sampling(temperature=1.0))
    assert torch.equal(torch.get_rng_state(), before)


def test_an_answer_ends_before_its_stop_string(generator: TransformersEngine, prompts: list[Prompt]) -> None:
    (whole,) = generator.generate(prompts[:1], sampling(max_new_tokens=30))[0]
    stop = whole[5:7]
    (cut,) = generator.generate(prompts[:1], sampling(max_new_tokens=30, stops=(stop,)))[0]
    assert cut == whole[: whole.index(stop)]


def test_the_checkpoints_own_sampling_defaults_are_not_used(
    tiny_model: Path, tmp_path: Path, prompts: list[Prompt]
) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in tiny_model.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    config = json.loads((copy / "generation_config.json").read_text())
    config |= {"do_sample": True, "temperature": 9.0, "top_k": 2, "repetition_penalty": 3.0}
    (copy / "generation_config.json").write_text(json.dumps(config))
    altered = engine(copy)
    plain = engine(tiny_model)
    for asked in (sampling(), sampling(temperature=1.0)):
        assert altered.generate(prompts, asked) == plain.generate(prompts, asked)


def test_a_prompt_without_room_is_refused_by_its_length(generator: TransformersEngine, prompts: list[Prompt]) -> None:
    with pytest.raises(InputError, match=r"max_new_tokens 250 exceed the model's context of 256"):
        generator.generate(prompts, sampling(max_new_tokens=250))


@given(st.text(), st.lists(st.text(min_size=1), max_size=4))
def test_text_before_a_stop_holds_no_stop_and_is_a_prefix(text: str, stops: list[str]) -> None:
    cut = before_stop(text, stops)
    assert text.startswith(cut)
    assert not any(stop in cut for stop in stops)
    assert cut == text or any(text[len(cut) :].startswith(stop) for stop in stops)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the engine's own imports
def test_both_engines_give_the_same_greedy_answers(
    generator: TransformersEngine, tiny_model: Path, prompts: list[Prompt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """float32, so that no rounding tie decides; a random model of 0.1M parameters is the hardest case for ties."""
    pytest.importorskip("vllm")

    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    told: list[tuple[int, int]] = []
    watched = Setup(
        CHAT, tiny_model, dtype="float32", batch_size=4, context=256, progress=lambda *count: told.append(count)
    )
    vllm = VllmEngine(watched)
    assert vllm.generate(prompts, sampling()) == generator.generate(prompts, sampling())
    assert told == sorted(told)
    assert told[-1] == (len(prompts), len(prompts))
    assert len(told) > 1, "a long generation shows how far it is"
    drawn = vllm.generate(prompts, sampling(temperature=1.0, samples=3))
    vllm.close()
    assert [len(answers) for answers in drawn] == [3] * len(prompts)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of the engine's own imports
@pytest.mark.parametrize("merged", [True, False])
def test_vllm_computes_an_adapter_merged_or_beside_its_base_as_transformers_does(
    merged: bool,
    generator: TransformersEngine,
    tiny_model: Path,
    prompts: list[Prompt],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("vllm")
    from rustml.generation.engines import vllm as engines_vllm

    monkeypatch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
    if not merged:
        monkeypatch.setattr(engines_vllm, "_loadable", lambda folder, *_, **__: folder)
    save_adapter(tiny_model, tmp_path / "adapter")
    wanted = engine(tmp_path / "adapter").generate(prompts, sampling())
    assert wanted != generator.generate(prompts, sampling()), "the adapter changes answers"
    vllm = VllmEngine(Setup(CHAT, tmp_path / "adapter", dtype="float32", batch_size=4, context=256))
    answers = vllm.generate(prompts, sampling())
    vllm.close()
    assert answers == wanted


@pytest.mark.filterwarnings("ignore")  # of peft, about torch
@pytest.mark.parametrize(
    ("on_cpu", "refused", "merged"), [(True, "", True), (False, "its rank is 600", True), (False, "", False)]
)
def test_an_adapter_is_merged_for_vllm_on_a_cpu_and_where_vllm_cannot_take_it(
    tiny_model: Path, tmp_path: Path, on_cpu: bool, refused: str, merged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rustml.generation.engines.vllm import _loadable

    adapter = tmp_path / "adapter"
    save_adapter(tiny_model, adapter)
    monkeypatch.setattr(vllm_lora, "obstacle", lambda _: refused)
    found = _loadable(adapter, tmp_path / "scratch", on_cpu=on_cpu)
    assert (found != adapter) is merged
    assert checkpoints.kind(found) == ("full" if merged else "adapter")
    assert _loadable(tiny_model, tmp_path / "scratch", on_cpu=on_cpu) == tiny_model


@pytest.mark.parametrize("key", ["evaluation.engine", "expert_iteration.engine"])
def test_vllm_where_it_is_absent_dies_with_the_key_to_change(
    key: str, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(EnvironmentFault, match=rf"^{key} is vllm.*{key}: transformers"):
        VllmEngine(Setup(CHAT, tiny_model, engine_key=key))


def test_every_engine_that_a_profile_may_name_is_in_the_table() -> None:
    named = get_args(get_type_hints(EvaluationSection)["engine"])
    assert set(named) <= ENGINES.keys()


def test_a_closed_engine_lets_go_of_its_model(tiny_model: Path) -> None:
    opened = engine(tiny_model)
    model = weakref.ref(opened._model)
    assert model() is not None
    opened.close()
    assert model() is None


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_an_engine_computes_in_half_precision_on_a_cpu(dtype: str, tiny_model: Path, prompts: list[Prompt]) -> None:
    """A dtype that is refused in training measures a model all the same."""
    halves = TransformersEngine(Setup(CHAT, tiny_model, dtype=dtype, batch_size=4))
    assert halves._model.dtype == getattr(torch, dtype)
    assert all(answer for (answer,) in halves.generate(prompts[:2], sampling()))


def test_an_engine_that_holds_its_model_needs_a_folder() -> None:
    with pytest.raises(InputError, match="give its folder"):
        TransformersEngine(Setup(CHAT))


@pytest.mark.parametrize("family", ["qwen2.5", "llama-3.1", "gemma-3"])
def test_generation_stops_where_the_template_ends_a_turn(family: str, tmp_path: Path) -> None:
    """Not only at the tokenizer's end of text, which base checkpoints of these families name alone."""
    tokenizer = tokenizer_of(family)
    (tmp_path / "config.json").write_text("{}")
    assert tokenizer.convert_tokens_to_ids(FAMILIES[family].end_of_turn) in end_tokens(tokenizer, tmp_path)
    assert FAMILIES[family].end_of_turn != tokenizer.eos_token


def test_a_model_without_any_end_is_refused(tmp_path: Path) -> None:
    tokenizer = tokenizer_of("starcoder2")
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="no answer would ever end"):
        end_tokens(tokenizer, tmp_path)
