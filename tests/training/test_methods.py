"""Training methods: exactly the right weights train, and the checkpoint is of the method's kind."""

from pathlib import Path

import msgspec
import pytest
import torch

from rustml.errors import EnvironmentFault, InputError
from rustml.models import checkpoint
from rustml.models.compute import Compute
from rustml.profile.method import FullSection, LoraSection, MethodSection, QloraSection
from rustml.profile.optimizer import AdamW8bitSection, AdamWSection, ConstantSection
from rustml.testing import FakeJudge
from rustml.training import data, memory
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, moved, problem, profile, weights, words

with quiet_imports():
    from rustml.training import grpo, sft
    from rustml.training.methods import method_of
    from rustml.training.methods.base import model_shape

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = data.encode(words(), data.solved(problem(number) for number in range(12)), 256)[0]
CPU = Compute("cpu", "bfloat16", "eager")
ADAPTERS: list[MethodSection] = [
    LoraSection(rank=8, alpha=16),
    LoraSection(rank=8, alpha=16, target_modules="q_proj; down_proj"),
    QloraSection(rank=8, alpha=16),
]


def section_of(method: MethodSection, steps: int = 12) -> object:
    return msgspec.structs.replace(
        profile().sft,
        method=method,
        steps=steps,
        optimizer=AdamWSection(learning_rate=0.02),
        schedule=ConstantSection(),
        log_steps=1,
    )


@pytest.mark.parametrize("method", ADAPTERS)
def test_adapters_lower_the_loss_and_are_saved_on_their_base(
    method: MethodSection, parent: Path, tmp_path: Path
) -> None:
    losses: list[float] = []
    facts = sft.train(ROWS, section_of(method), job(parent, tmp_path, lambda _, m: losses.append(m["loss"])))
    assert losses[-1] < 0.9 * losses[0]
    out = tmp_path / "out"
    described = checkpoint.read(out)
    assert described.kind == "adapter"
    assert described.base is not None
    assert described.base.digest == checkpoint.digest(parent)
    assert facts["trained_weights"] < facts["weights"]
    merged = checkpoint.load_model(out, dtype="bfloat16", attention="eager", device="cpu")
    before = checkpoint.load_model(parent, dtype="bfloat16", attention="eager", device="cpu").state_dict()
    changed = {name for name, tensor in merged.state_dict().items() if not torch.equal(tensor, before[name])}
    adapted = ("q_proj", "down_proj") if "q_proj" in method.target_modules else ("_proj",)
    assert changed
    assert all(any(part in name for part in adapted) for name in changed)


@pytest.mark.parametrize("method", ADAPTERS)
def test_only_adapters_train(method: MethodSection, parent: Path) -> None:
    made = method_of(method)
    model = made.load(parent, CPU)
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    assert all("lora_" in name for name in trained)
    assert sum(weight.numel() for weight in trained.values()) == made.trained_weights(model_shape(parent))
    assert {weight.dtype for weight in trained.values()} == {made.trained_dtype(CPU)}


def test_dora_trains_the_lengths_of_rows_too(parent: Path, tmp_path: Path) -> None:
    """On a trained model: rows of the toy begin with length 0, which DoRA divides by."""
    sft.train(ROWS, section_of(FullSection(), 3), job(parent, tmp_path / "base"))
    base, method = tmp_path / "base" / "out", LoraSection(rank=4, alpha=8, dora=True)
    made = method_of(method)
    trained = {name: weight for name, weight in made.load(base, CPU).named_parameters() if weight.requires_grad}
    assert sum(weight.numel() for weight in trained.values()) == made.trained_weights(model_shape(base))
    assert any("magnitude" in name for name in trained)
    losses: list[float] = []
    sft.train(ROWS, section_of(method), job(base, tmp_path / "dora", lambda _, m: losses.append(m["loss"])))
    assert losses[-1] < 0.9 * losses[0]
    after, before = (
        checkpoint.load_model(folder, dtype="bfloat16", attention="eager", device="cpu").state_dict()
        for folder in (tmp_path / "dora" / "out", base)
    )
    assert all(bool(torch.isfinite(tensor).all()) for tensor in after.values())
    assert any(not torch.equal(after[name], before[name]) for name in before)


def test_dora_on_rows_of_zeros_is_refused_before_a_step(parent: Path, tmp_path: Path) -> None:
    """The output layers of a new model begin with zeros."""
    with pytest.raises(InputError, match=r"method\.dora: 32 of 32 rows of model\.layers\.0\.\w+\.\w+ are zeros"):
        sft.train(ROWS, section_of(LoraSection(rank=4, alpha=8, dora=True)), job(parent, tmp_path))


def test_rslora_scales_by_the_root_of_the_rank_and_both_switches_are_read_off_the_adapter(parent: Path) -> None:
    plain, rooted = (method_of(LoraSection(rank=4, alpha=8, rslora=on)).load(parent, CPU) for on in (False, True))
    scales = [model.base_model.model.model.layers[0].self_attn.q_proj.scaling["default"] for model in (plain, rooted)]
    assert scales == [2.0, 4.0]
    config = (
        method_of(QloraSection(rank=4, dora=True, rslora=True, target_modules="q_proj"))
        .load(parent, CPU)
        .peft_config["default"]
    )
    assert (config.use_dora, config.use_rslora) == (True, True)


def test_qlora_holds_linear_layers_in_four_bits(parent: Path) -> None:
    model = method_of(QloraSection()).load(parent, CPU)
    kinds = {type(module.base_layer).__name__ for module in model.modules() if hasattr(module, "base_layer")}
    assert kinds == {"Linear4bit"}
    weight = model.base_model.model.model.layers[0].self_attn.q_proj.base_layer.weight
    assert weight.dtype == torch.bfloat16
    assert weight.quant_state.quant_type == "nf4"
    assert weight.quant_state.nested
    assert weight.numel() * weight.element_size() == 32 * 32 / 2


def test_gradients_pass_through_four_bit_layers_after_a_validation(parent: Path) -> None:
    model = method_of(QloraSection(rank=2)).load(parent, CPU)
    ids = torch.tensor([ROWS[0][0]])

    def gradients() -> list[torch.Tensor]:
        model.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        return [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]

    before = gradients()
    with torch.no_grad():
        model.eval()(input_ids=ids)
    after = gradients()
    assert len(before) == len(after)
    assert all(torch.allclose(one, other, atol=1e-2) for one, other in zip(before, after, strict=True))


def test_fp8_computes_otherwise_and_writes_weights_of_the_same_form(parent: Path, tmp_path: Path) -> None:
    """On a CPU it is emulated. The head stays as it is."""
    kinds = {
        name.rpartition(".")[2]: type(layer).__name__
        for name, layer in method_of(FullSection(fp8=True)).load(parent, CPU).named_modules()
        if hasattr(layer, "in_features")
    }
    assert {name for name, kind in kinds.items() if kind == "Linear"} == {"lm_head"}
    assert set(kinds.values()) == {"Linear", "Float8Linear"}
    losses: dict[bool, list[float]] = {False: [], True: []}
    for fp8, logged in losses.items():
        log = lambda _, metrics, logged=logged: logged.append(metrics["loss"])  # noqa: E731
        sft.train(ROWS, section_of(FullSection(fp8=fp8)), job(parent, tmp_path / str(fp8), log))
    assert losses[True][:6] == pytest.approx(losses[False][:6], rel=0.1)
    assert losses[True][-1] < 0.5 * losses[True][0]
    assert losses[True] != losses[False]
    plain, low = weights(tmp_path / "False" / "out"), weights(tmp_path / "True" / "out")
    assert [(name, one.dtype) for name, one in low.items()] == [(name, one.dtype) for name, one in plain.items()]


@pytest.mark.slow
def test_a_compiled_training_has_the_losses_of_a_plain_one(parent: Path, tmp_path: Path) -> None:
    losses: dict[bool, list[float]] = {False: [], True: []}
    for compiled, logged in losses.items():
        section = msgspec.structs.replace(section_of(FullSection(), 4), compile=compiled, packing=True)
        log = lambda _, metrics, logged=logged: logged.append(metrics["loss"])  # noqa: E731
        sft.train(ROWS, section, job(parent, tmp_path / str(compiled), log, "float32"))
    assert losses[True] == pytest.approx(losses[False], abs=1e-4)
    assert checkpoint.digest(tmp_path / "True" / "out") != checkpoint.digest(parent)


def test_reinforcement_trains_an_adapter(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a KL penalty too, for which the trainer adds an adapter that is not saved."""
    spread = lambda _, completions, **__: [float(sum(text.encode()) % 5) for text in completions]  # noqa: E731
    monkeypatch.setattr(grpo.JudgeReward, "__call__", spread)
    section = msgspec.structs.replace(
        profile().grpo,
        method=LoraSection(rank=4),
        optimizer=AdamWSection(learning_rate=0.05),
        generations=4,
        beta=0.1,
        steps=2,
    )
    grpo.train([problem(number) for number in range(4)], FakeJudge(), section, job(parent, tmp_path))
    out = tmp_path / "out"
    assert checkpoint.kind(out) == "adapter"
    assert not list(out.glob("*/*.safetensors"))
    merged = checkpoint.load_model(out, dtype="bfloat16", attention="eager", device="cpu").state_dict()
    before = checkpoint.load_model(parent, dtype="bfloat16", attention="eager", device="cpu").state_dict()
    assert any(not torch.equal(merged[name], before[name]) for name in before)


def test_an_adapter_can_be_trained_on_by_either_method(parent: Path, tmp_path: Path) -> None:
    sft.train(ROWS, section_of(LoraSection(rank=4), 2), job(parent, tmp_path / "first"))
    first = tmp_path / "first" / "out"
    sft.train(ROWS, section_of(FullSection(), 2), job(first, tmp_path / "full"))
    assert checkpoint.kind(tmp_path / "full" / "out") == "full"
    assert moved(parent, tmp_path / "full" / "out")
    sft.train(ROWS, section_of(LoraSection(rank=4), 2), job(first, tmp_path / "second"))
    described = checkpoint.read(tmp_path / "second" / "out")
    assert described.base is not None
    assert described.base.digest == checkpoint.digest(first)


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        (("q_proj", "q_prj"), r"no linear layer 'q_prj'.*it has down_proj, gate_proj, k_proj"),
        ("lm_head", r"no linear layer 'lm_head'"),
        (" ; ", "is empty"),
    ],
)
def test_a_target_that_the_model_lacks_is_refused_before_weights_are_read(
    modules: tuple[str, ...] | str, message: str, parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("weights were read"))
    with pytest.raises(InputError, match=message):
        sft.train(ROWS, section_of(LoraSection(target_modules=modules)), job(parent, tmp_path))


def test_memory_is_reckoned_per_weight(parent: Path) -> None:
    shape = model_shape(parent)
    weights = sum(weight.numel() for weight in shape.parameters())
    adamw = AdamWSection(learning_rate=1.0)
    full = memory.needed(method_of(FullSection()), shape, adamw, CPU)
    assert full.total == weights * (2 + 2 + 8 + 8 + 4), "weight, gradient, master and its gradient, moments, temporary"
    bare = memory.needed(method_of(FullSection()), shape, msgspec.structs.replace(adamw, masters=False), CPU)
    assert (bare.masters, bare.optimizer) == (0, weights * 4), "moments have the precision of what is updated"
    small = memory.needed(method_of(FullSection()), shape, AdamW8bitSection(learning_rate=1.0), CPU)
    assert 2 * weights < small.optimizer < 2.1 * weights
    lora = memory.needed(method_of(LoraSection(rank=2)), shape, adamw, CPU)
    qlora = memory.needed(method_of(QloraSection(rank=2)), shape, adamw, CPU)
    assert qlora.held < lora.held == weights * 2 < full.total


def test_too_little_memory_is_said_before_weights_are_read(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("weights were read"))
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Free", (), {"available": 1000}))
    with pytest.raises(EnvironmentFault, match="choose method lora"):
        sft.train(ROWS, section_of(FullSection()), job(parent, tmp_path))


def test_float16_is_refused_before_weights_are_read(
    parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "load_model", lambda *_, **__: pytest.fail("weights were read"))
    with pytest.raises(InputError, match=r"set compute\.dtype=bfloat16 or float32"):
        sft.train(ROWS, section_of(FullSection()), job(parent, tmp_path, dtype="float16"))
