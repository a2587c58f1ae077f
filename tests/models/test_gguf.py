"""A GGUF file becomes a checkpoint with the same weights."""

import json
from pathlib import Path

import gguf as format_
import msgspec
import pytest
import torch
from transformers import PreTrainedTokenizerFast, Qwen3ForCausalLM

from rustml import chat
from rustml.errors import InputError
from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.models.fetch import fetch
from rustml.profile.base import GgufBase
from rustml.training import pretrain
from tests.support.toy_models import base, words

pytestmark = pytest.mark.filterwarnings("ignore")  # of transformers and torch, while they load


def model() -> Qwen3ForCausalLM:
    """Heads of 128, which transformers takes for granted in GGUF files of this architecture."""
    shape = msgspec.structs.replace(base().architecture, head_dim=128, heads=1)
    return pretrain.new_model(shape, words(), seed=1, compute=Compute("cpu", "bfloat16", "eager"))


def write(network: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, file: Path, start: bool | None = None) -> None:
    config = network.config
    writer = format_.GGUFWriter(file, "qwen3")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(10_000.0)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    _write_tokenizer(writer, tokenizer)
    if start is not None:
        writer.add_bos_token_id(tokenizer.pad_token_id)
        writer.add_add_bos_token(start)
    names = format_.get_tensor_name_map(format_.MODEL_ARCH.QWEN3, config.num_hidden_layers)
    for name, weight in network.state_dict().items():
        if name != "lm_head.weight":  # tied
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), weight.float().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _write_tokenizer(writer: format_.GGUFWriter, tokenizer: PreTrainedTokenizerFast) -> None:
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    tokens = [tokenizer.convert_ids_to_tokens(number) for number in range(len(tokenizer))]
    special = set(tokenizer.all_special_ids)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if number in special else 1 for number in range(len(tokens))])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(tokenizer.chat_template)


def test_a_gguf_file_becomes_a_full_checkpoint_of_the_same_weights(tmp_path: Path) -> None:
    network = model()
    write(network, words(), tmp_path / "toy.gguf")
    fetch(GgufBase(file=str(tmp_path / "toy.gguf")), tmp_path / "out")
    assert checkpoint.kind(tmp_path / "out") == "full"
    loaded = checkpoint.load_model(tmp_path / "out", dtype="bfloat16", attention="eager").state_dict()
    original = network.state_dict()
    assert loaded.keys() == original.keys()
    assert all(torch.equal(loaded[name], original[name]) for name in original)
    tokenizer = checkpoint.load_tokenizer(tmp_path / "out")
    assert tokenizer.get_vocab() == words().get_vocab()
    assert tokenizer.chat_template == words().chat_template
    assert tokenizer.eos_token_id == words().eos_token_id


@pytest.mark.parametrize("start", [True, False, None])
def test_the_start_token_is_put_once_where_the_file_says_so(start: bool | None, tmp_path: Path) -> None:
    """transformers drops it on reading, and Gemma 3 without it repeats itself for ever."""
    write(model(), words(), tmp_path / "toy.gguf", start)
    fetch(GgufBase(file=str(tmp_path / "toy.gguf")), tmp_path / "out")
    tokenizer = checkpoint.load_tokenizer(tmp_path / "out")
    begins = tokenizer.bos_token if start else ""
    assert chat.start_token(tokenizer) == begins
    ids = tokenizer.encode("fn add")
    assert ids == ([tokenizer.bos_token_id] if start else []) + words().encode("fn add", add_special_tokens=False)
    assert chat.prompt(tokenizer, "Add.").startswith(begins)


def test_a_file_that_is_not_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"PK\3\4")
    with pytest.raises(InputError, match=r"base\.file: .*model\.gguf is not a GGUF file"):
        fetch(GgufBase(file=str(tmp_path / "model.gguf")), tmp_path / "out")
    with pytest.raises(InputError, match=r"base\.file: cannot read .*none\.gguf: No such file"):
        fetch(GgufBase(file=str(tmp_path / "none.gguf")), tmp_path / "out")


def test_a_gguf_file_of_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    writer = format_.GGUFWriter(tmp_path / "odd.gguf", "oddity")
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(InputError, match=r"base\.file: transformers cannot read .*odd\.gguf"):
        fetch(GgufBase(file=str(tmp_path / "odd.gguf")), tmp_path / "out")
    assert not (tmp_path / "out").exists()
