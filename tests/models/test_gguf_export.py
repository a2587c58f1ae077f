"""GGUF files of toys: read back by transformers tensor by tensor, and answered by llama.cpp as transformers answers."""

import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from rustml.errors import EnvironmentFault, InputError
from rustml.models import checkpoint as checkpoints
from rustml.models import gguf as gguf_base
from rustml.models import gguf_export, gguf_release, gguf_tokenizer
from rustml.models.tokenizer import CHAT_TEMPLATE
from tests.support.toy_models import TEXTS, checkpoint

pytestmark = pytest.mark.filterwarnings("ignore")
SHAPE = {
    "vocab_size": 448,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 32,
    "max_position_embeddings": 256,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "bos_token_id": 1,
}
# The reader of transformers takes 128 as the size of every head of Qwen3, which all published ones have.
NETWORKS: dict[str, Any] = {
    "qwen3": lambda: Qwen3ForCausalLM(Qwen3Config(**{**SHAPE, "head_dim": 128}, tie_word_embeddings=True)),
    "llama": lambda: LlamaForCausalLM(LlamaConfig(**SHAPE)),
    "gemma3": lambda: Gemma3ForCausalLM(Gemma3TextConfig(**SHAPE, query_pre_attn_scalar=32, sliding_window=64)),
}
QWEN = next(pattern for pattern, name in gguf_tokenizer.SPLITS.items() if name == "qwen2")


def byte_level(pattern: str = QWEN) -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    return _trained(bpe, pre_tokenizers.ByteLevel.alphabet())


def with_byte_fallback() -> PreTrainedTokenizerFast:
    """In the form of Gemma's: spaces are `▁`, and what the vocabulary lacks is written in bytes."""
    bpe = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    bpe.normalizer = normalizers.Replace(" ", "▁")
    bpe.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    return _trained(bpe, [], "<unk>", *(f"<0x{byte:02X}>" for byte in range(256)))


def _trained(bpe: Tokenizer, alphabet: list[str], *more: str) -> PreTrainedTokenizerFast:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *more]
    trainer = trainers.BpeTrainer(
        vocab_size=440, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    bpe.train_from_iterator(TEXTS, trainer)
    words = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    words.chat_template = CHAT_TEMPLATE
    return words


def made(kind: str, folder: Path, words: PreTrainedTokenizerFast | None = None) -> Path:
    """A network whose weights are drawn at random, norms too: a 1 that is added twice must show."""
    torch.manual_seed(3)
    network = NETWORKS[kind]()
    for name, parameter in network.named_parameters():
        torch.nn.init.normal_(parameter, std=0.3 if "norm" in name else 0.08)
    checkpoints.save(network.to(torch.bfloat16), words or byte_level(), folder)
    return folder


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).state_dict())


@pytest.mark.parametrize("kind", NETWORKS)
def test_bf16_holds_the_very_weights(kind: str, tmp_path: Path) -> None:
    source = made(kind, tmp_path / "source")
    gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")
    gguf_base.convert(tmp_path / "m.gguf", tmp_path / "back")
    before, after = tensors(source), tensors(tmp_path / "back")
    assert before.keys() == after.keys()
    for name, weights in before.items():
        # Gemma's norms lose a bit where 1 is added and taken away again.
        tolerance = 2**-8 if kind == "gemma3" and "norm" in name else 0
        assert (weights - after[name]).abs().max() <= tolerance, name


@pytest.mark.parametrize("kind", ["llama"])
def test_q8_0_is_off_by_half_a_step_at_most(kind: str, tmp_path: Path) -> None:
    source = made(kind, tmp_path / "source")
    gguf_export.write(source, tmp_path / "m.gguf", "Q8_0", "toy")
    gguf_base.convert(tmp_path / "m.gguf", tmp_path / "back")
    before, after = tensors(source), tensors(tmp_path / "back")
    for name, weights in before.items():
        off = (weights - after[name]).abs().max()
        assert off <= weights.abs().max() / 127 + 2**-8, name
        assert weights.ndim == 1 or off > 0, f"{name} was not quantised"
    kinds = {tensor.tensor_type for tensor in gguf.GGUFReader(tmp_path / "m.gguf").tensors}
    assert kinds == {gguf.GGMLQuantizationType.Q8_0, gguf.GGMLQuantizationType.F32}


def test_metadata_names_template_ends_and_splitting(tmp_path: Path) -> None:
    source = made("qwen3", tmp_path / "source")
    path = source / "generation_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "eos_token_id": [2, 0]}))
    gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")
    fields = {key: field.contents() for key, field in gguf.GGUFReader(tmp_path / "m.gguf").fields.items()}
    assert fields["general.name"] == "toy"
    assert fields["general.architecture"] == "qwen3"
    assert fields["tokenizer.chat_template"] == CHAT_TEMPLATE
    assert fields["tokenizer.ggml.pre"] == "qwen2"
    assert fields["tokenizer.ggml.eos_token_id"] == 2
    assert fields["tokenizer.ggml.eot_token_id"] == 0
    assert fields["tokenizer.ggml.padding_token_id"] == 0
    assert fields["tokenizer.ggml.add_bos_token"] is False
    assert len(fields["tokenizer.ggml.tokens"]) == 448
    assert fields["tokenizer.ggml.token_type"][1] == gguf.TokenType.CONTROL
    assert fields["tokenizer.ggml.token_type"][445] == gguf.TokenType.UNUSED
    assert fields["qwen3.attention.key_length"] == 128


def test_a_splitting_that_llama_cpp_does_not_know_is_refused(tmp_path: Path) -> None:
    source = made("qwen3", tmp_path / "source", byte_level(r"\w+|\W"))
    with pytest.raises(InputError, match=r"splits text in a way that llama\.cpp does not know"):
        gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")
    assert [path.name for path in tmp_path.iterdir()] == ["source"]
    with pytest.raises(InputError, match="does not know"):
        gguf_export.check(source)
    with pytest.raises(InputError, match="does not know"):
        gguf_export.write(checkpoint(tmp_path / "tiny"), tmp_path / "m.gguf", "BF16", "the tiny profile's own")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architectures": ["GPT2LMHeadModel"]}, "no GGUF of GPT2LMHeadModel"),
        ({"quantization_config": {"quant_method": "fp8"}}, "is quantised"),
        ({"rope_parameters": {"rope_type": "yarn", "factor": 4.0}}, "scaled rotary embeddings"),
    ],
)
def test_what_it_cannot_write_is_said(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    source = made("qwen3", tmp_path / "source")
    path = source / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InputError, match=message):
        gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")


def test_another_pattern_of_attention_than_gemma_has_is_refused(tmp_path: Path) -> None:
    source = made("gemma3", tmp_path / "source")
    path = source / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "layer_types": ["full_attention"] * 2}))
    with pytest.raises(InputError, match="not that of Gemma 3"):
        gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")


CLEAR = 0.05
"""Distance of the two best logits, in standard deviations of all: other rounding changes no such choice."""


def answers(folder: Path, prompts: list[list[int]], length: int) -> list[list[int]]:
    """Greedy continuations, each up to the first choice that is not clear."""
    network = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, attn_implementation="eager")
    written: list[list[int]] = []
    for prompt in prompts:
        ids: list[int] = []
        while len(ids) < length:
            with torch.inference_mode():
                logits = network(torch.tensor([prompt + ids]), use_cache=False).logits[0, -1]
            best = logits.topk(2)
            if best.values[0] - best.values[1] < CLEAR * logits.std():
                break
            ids.append(int(best.indices[0]))
        written.append(ids)
    return written


@pytest.mark.slow
@pytest.mark.parametrize("kind", NETWORKS)
def test_llama_cpp_splits_and_answers_as_transformers_does(kind: str, tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("llama_cpp", reason="pip install llama-cpp-python==0.3.36")
    words = with_byte_fallback() if kind == "gemma3" else byte_level()
    source = made(kind, tmp_path / "source", words)
    gguf_export.write(source, tmp_path / "m.gguf", "BF16", "toy")
    engine = llama_cpp.Llama(str(tmp_path / "m.gguf"), n_ctx=256, n_threads=1, verbose=False)
    texts = [
        text[: 10 + 3 * n] for n, text in enumerate((*TEXTS[:15], *TEXTS[-2:], "  a  b\n\n\tc ", "naïve → 99", "x"))
    ]
    prompts = [words.encode(text) for text in texts]
    assert [engine.tokenize(text.encode(), add_bos=False, special=True) for text in texts] == prompts
    expected = answers(source, prompts, 8)
    assert len(expected) == 20
    assert sum(map(len, expected)) >= 60, "most choices are clear"
    for ids, wanted in zip(prompts, expected, strict=True):
        engine.reset()
        assert [token for token, _ in zip(engine.generate(ids, temp=0.0), wanted, strict=False)] == wanted


@pytest.mark.slow
def test_k_quants_are_made_by_llama_cpp(tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("llama_cpp", reason="pip install llama-cpp-python==0.3.36")
    source = made("qwen3", tmp_path / "source")
    (tmp_path / "scratch").mkdir()
    sizes = gguf_release.write(source, gguf_release.formats("Q8_0,Q6_K,Q4_K_M"), "toy-v1", tmp_path / "scratch")
    assert sizes.keys() == {"Q8_0", "Q6_K", "Q4_K_M"}
    for name in sizes:
        engine = llama_cpp.Llama(str(source / "gguf" / f"toy-v1-{name}.gguf"), n_ctx=64, n_threads=1, verbose=False)
        assert next(iter(engine.generate([5, 6, 7], temp=0.0))) < 448


def test_a_release_has_a_modelfile_and_unknown_formats_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = made("qwen3", tmp_path / "source")
    sizes = gguf_release.write(source, gguf_release.formats("BF16, Q8_0,BF16"), "toy-v1", tmp_path)
    assert sizes["Q8_0"] < sizes["BF16"]
    assert sorted(path.name for path in (source / "gguf").iterdir()) == [
        "Modelfile",
        "toy-v1-BF16.gguf",
        "toy-v1-Q8_0.gguf",
    ]
    assert (source / "gguf" / "Modelfile").read_text().startswith("FROM ./toy-v1-Q8_0.gguf\n")
    with pytest.raises(InputError, match="unknown format 'Q2_K'; known: BF16, Q8_0"):
        gguf_release.formats("Q2_K")
    monkeypatch.setattr(gguf_release, "TOOL", "no-such-tool")
    monkeypatch.setattr(gguf_release, "MODULE", "no_such_module")
    with pytest.raises(EnvironmentFault, match=r"Q4_K_M needs llama\.cpp"):
        gguf_release.formats("Q4_K_M")


def test_bf16_is_read_to_the_last_bit(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from rustml.models import tensor_files

    values = torch.tensor([1.0, -0.0, 3.1415927, float("inf"), 1e-38]).to(torch.bfloat16)
    save_file({"w": values}, tmp_path / "model.safetensors")
    (stored,) = tensor_files.tensors(tmp_path)
    assert np.array_equal(gguf_export.read(stored), values.float().numpy())
