"""Quantisation of a toy: smaller, loadable, still itself; and what is broken is refused."""

import json
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from rustml import chat
from rustml.errors import EnvironmentFault, InputError, RustmlError
from rustml.models import checkpoint as checkpoints
from rustml.models import fp8_stream
from rustml.models.quantise import quantize
from rustml.profile.quantize import QuantizeSection
from rustml.training import pretrain
from tests.support.toy_models import TEXTS, base, checkpoint, model, words

pytestmark = pytest.mark.filterwarnings("ignore")  # of torchao, about torch
FP8, INT3 = (QuantizeSection(producer="torchao", scheme=scheme) for scheme in ("fp8_weight_only", "int3_weight_only"))
STREAMED = QuantizeSection(producer="compressed_tensors", scheme="fp8_dynamic")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy whose logits mean something: a random one's would hardly tell a good quantisation from a bad one."""

    folder = tmp_path_factory.mktemp("trained")
    network = model()
    rows = [chat.encode(words(), "", text) for text in TEXTS]
    section = msgspec.structs.replace(base(), steps=200, tokens_per_step=1024)
    pretrain.train(network, rows, section, 1, lambda *_: None)
    checkpoints.save(network, words(), folder)
    return folder


IDS = torch.tensor([words().encode(TEXTS[0] + TEXTS[1])])


def logits(folder: Path) -> torch.Tensor:
    network = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.bfloat16)
    with torch.inference_mode():
        values: torch.Tensor = network(IDS).logits[0].float()
    assert bool(torch.isfinite(values).all())
    return values


def loss(folder: Path) -> float:
    return float(torch.nn.functional.cross_entropy(logits(folder)[:-1], IDS[0, 1:]))


def divergence(folder: Path, parent: Path) -> float:
    """Kullback-Leibler divergence of the next-token distributions from the parent's, nats, mean over positions."""
    measured, wanted = (torch.log_softmax(logits(place), dim=-1) for place in (folder, parent))
    return float((wanted.exp() * (wanted - measured)).sum(dim=-1).mean())


def test_weights_expanded_on_loading_give_the_very_logits_of_float8_layers(trained: Path, tmp_path: Path) -> None:
    quantize(trained, FP8, tmp_path / "fp8")
    expanded = checkpoints.load_model(tmp_path / "fp8", dtype="bfloat16", attention="eager", device="cpu")
    assert not [name for name, weight in expanded.named_parameters() if type(weight.data) is not torch.Tensor]
    layers = AutoModelForCausalLM.from_pretrained(
        str(tmp_path / "fp8"), dtype=torch.bfloat16, attn_implementation="eager"
    )
    with torch.inference_mode():
        assert torch.equal(expanded(IDS).logits, layers(IDS).logits)


def test_fp8_weights_are_smaller_and_nearly_as_good(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "fp8"
    sizes = quantize(trained, FP8, out)
    assert sizes["bytes_before"] == sum(p.stat().st_size for p in trained.glob("*.safetensors"))
    assert sizes["bytes_after"] == sum(p.stat().st_size for p in out.glob("*.safetensors"))
    assert sizes["ratio"] == sizes["bytes_after"] / sizes["bytes_before"] < 0.95
    assert loss(out) == pytest.approx(loss(trained), rel=0.05)
    config = json.loads((out / "config.json").read_text())["quantization_config"]
    assert set(config["quant_type"]) == {"default"}, "the form that vLLM's loader wants"
    tensors = load_file(out / "model.safetensors")
    kinds = {tensor.dtype for name, tensor in tensors.items() if "proj" in name and "qdata" in name}
    assert kinds == {torch.float8_e4m3fn}
    assert all(tensor.dtype == torch.bfloat16 for name, tensor in tensors.items() if "embed" in name or "head" in name)


def test_the_tokenizer_comes_along(trained: Path, tmp_path: Path) -> None:
    quantize(trained, FP8, tmp_path / "fp8")
    loaded = AutoTokenizer.from_pretrained(str(tmp_path / "fp8"))
    assert chat.prompt(loaded, "Add 12.") == chat.prompt(words(), "Add 12.")


def test_three_bits_do_harm(trained: Path, tmp_path: Path) -> None:
    """Otherwise the profile that must fail its gate for this would fail for something else."""
    quantize(trained, FP8, tmp_path / "fp8")
    quantize(trained, INT3, tmp_path / "int3")
    assert divergence(tmp_path / "int3", trained) > 5 * divergence(tmp_path / "fp8", trained)


def test_what_an_earlier_attempt_left_is_replaced(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "model-00001-of-00002.safetensors").write_bytes(b"half of an earlier attempt")
    quantize(trained, FP8, out)
    assert not (out / "model-00001-of-00002.safetensors").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("part", ["embed_tokens", "down_proj", "norm"])
def test_a_single_number_that_is_none_is_refused(value: float, part: str, tmp_path: Path) -> None:
    """In the last row: a look at the logits of a few tokens would not meet it."""
    parent = checkpoint(tmp_path / "parent")
    path = parent / "model.safetensors"
    tensors = load_file(path)
    name = next(name for name in tensors if part in name)
    tensors[name].view(-1)[-1] = value
    save_file(tensors, path, metadata={"format": "pt"})
    with pytest.raises(RustmlError, match=name):
        quantize(parent, FP8, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="this GPU may be able to")
def test_what_this_machine_cannot_run_is_said_before_anything_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match=r"compute capability 8\.9.*fp8_weight_only"):
        quantize(
            tmp_path / "no such checkpoint", QuantizeSection(producer="torchao", scheme="fp8_dynamic"), tmp_path / "out"
        )


def test_an_adapter_is_merged_before_it_is_quantised(trained: Path, tmp_path: Path) -> None:
    from peft import LoraConfig, get_peft_model

    base = checkpoints.load_model(trained, dtype="bfloat16", attention="eager", device="cpu")
    adapted = get_peft_model(base, LoraConfig(r=2, target_modules="all-linear", task_type="CAUSAL_LM"))
    named = checkpoints.Base(name=str(trained), digest=checkpoints.digest(trained))
    checkpoints.save(adapted, words(), tmp_path / "adapter", kind="adapter", base=named)
    quantize(tmp_path / "adapter", FP8, tmp_path / "fp8")
    assert checkpoints.read(tmp_path / "fp8").scheme == "torchao:fp8_weight_only"
    assert loss(tmp_path / "fp8") == pytest.approx(loss(trained), rel=0.05)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["adapter", "fp8"]
    with pytest.raises(InputError, match="merged before it is quantised"):
        checkpoints.load_model(
            tmp_path / "adapter", dtype="bfloat16", attention="eager", device="cpu", quantization=object()
        )


def test_compressed_tensors_writes_what_transformers_loads_nearly_as_good(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "fp8"
    facts = quantize(trained, STREAMED, out, TEXTS[:4])
    assert checkpoints.read(out).scheme == "compressed-tensors:FP8_DYNAMIC"
    assert loss(out) == pytest.approx(loss(trained), rel=0.05)
    tensors = load_file(out / "model.safetensors")
    assert all(
        (tensor.dtype == torch.float8_e4m3fn) == name.endswith("proj.weight") for name, tensor in tensors.items()
    )
    assert json.loads((out / "config.json").read_text())["quantization_config"]["ignore"] == ["lm_head"]
    assert 0 < facts["error.mean"] <= facts["error.max"] < 0.04
    assert 0 < facts["kl"] < 0.05
    assert facts["top1"] > 0.9
    assert facts["positions"] == sum(len(words().encode(text)[:128]) for text in TEXTS[:4])
    assert facts["ratio"] < 0.95
    assert (out / "tokenizer.json").read_bytes() == (trained / "tokenizer.json").read_bytes()


def test_it_streams_into_files_and_an_index(trained: Path, tmp_path: Path) -> None:
    fp8_stream.write(trained, tmp_path / "one")
    fp8_stream.write(trained, tmp_path / "many", shard_bytes=5000)
    assert len(list((tmp_path / "many").glob("*.safetensors"))) > 2
    assert torch.equal(logits(tmp_path / "many"), logits(tmp_path / "one"))


def test_a_layer_that_goes_wrong_is_named_and_nothing_is_left(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fp8_stream.quantised
    calls = iter(range(99))

    def spoilt(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        values, scale = whole(weight)
        return values, scale * 1.5 if next(calls) == 3 else scale

    monkeypatch.setattr(fp8_stream, "quantised", spoilt)
    with pytest.raises(
        RustmlError, match=r"quantising model\.layers\.\d\.\S+ went wrong: its relative error is 0\.(?:49|50)"
    ):
        quantize(trained, STREAMED, tmp_path / "fp8")
    assert not list(tmp_path.iterdir())


def test_a_row_of_zeros_stays_one() -> None:
    values, scale = fp8_stream.quantised(torch.tensor([[0.0, 0.0], [1.0, -2.0]], dtype=torch.bfloat16))
    expanded = values.float() * scale.float()
    assert expanded[0].tolist() == [0.0, 0.0]
    assert torch.allclose(expanded[1], torch.tensor([1.0, -2.0]), rtol=0.04)


def test_a_producer_names_the_schemes_that_it_writes() -> None:
    with pytest.raises(ValueError, match="writes scheme fp8_dynamic alone"):
        QuantizeSection(producer="compressed_tensors", scheme="int3_weight_only")
