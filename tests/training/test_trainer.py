"""What SFT and GRPO share: parts of a step, one device, gradient checkpointing, and the numbers of earlier versions."""

import dataclasses
from pathlib import Path

import msgspec
import pytest
import torch
from safetensors.torch import load_file

from rustml.models.compute import Compute
from rustml.profile.method import FullSection, LoraSection, MethodSection
from rustml.profile.optimizer import AdamWSection, ConstantSection, SgdSection
from rustml.training import data, pretrain
from tests.support.library_warnings import quiet_imports
from tests.support.toy_models import job, model, problem, profile, words

with quiet_imports():
    from rustml.training import grpo, sft, trainer

# Of libraries whose versions are pinned, about each other.
pytestmark = pytest.mark.filterwarnings("ignore")
ROWS = data.mix(words(), {"toy": data.solved(problem(number) for number in range(12))}, 256, 1).rows
SFT, GRPO = profile().sft, profile().grpo


def result(folder: Path) -> torch.Tensor:
    """All weights of a checkpoint in one row."""
    (path,) = folder.glob("*.safetensors")
    return torch.cat([tensor.flatten().float() for _, tensor in sorted(load_file(path).items())])


def test_base_training_has_the_numbers_of_earlier_versions() -> None:
    """Recorded before optimizers and schedules were named by the profile, on one machine, hence the tolerance."""
    network, curve = model(), []
    section = msgspec.structs.replace(profile().base, steps=5)
    pretrain.train(network, ROWS, section, 1, lambda _, metrics: curve.append(metrics))
    assert [point["learning_rate"] for point in curve] == pytest.approx([0.0006, 0.0009, 0.0012, 0.0015, 0.0018])
    losses = [5.912484645843506, 5.931612014770508, 5.853507041931152, 5.8649983406066895, 5.786921501159668]
    assert [point["loss"] for point in curve] == pytest.approx(losses, rel=1e-3)
    sums = {"model.embed_tokens.weight": 1434.874136, "model.layers.0.mlp.down_proj.weight": 0.620551}
    weights = dict(network.named_parameters())
    assert {name: float(weights[name].detach().double().abs().sum()) for name in sums} == pytest.approx(sums, rel=5e-3)


def test_fine_tuning_has_the_numbers_of_earlier_versions(parent: Path, tmp_path: Path) -> None:
    curve: list[dict[str, float]] = []
    section = msgspec.structs.replace(SFT, steps=5)
    sft.train(ROWS, section, job(parent, tmp_path, lambda _, metrics: curve.append(metrics)))
    assert curve[0]["loss"] == pytest.approx(5.8537036895751955, rel=1e-3)
    assert curve[0]["learning_rate"] == pytest.approx(0.002)
    sums = {"model.embed_tokens.weight": 1435.030729, "model.layers.0.mlp.down_proj.weight": 0.819605}
    weights = load_file(tmp_path / "out" / "model.safetensors")
    assert {name: float(weights[name].double().abs().sum()) for name in sums} == pytest.approx(sums, rel=5e-3)


def test_reinforcement_has_the_learning_rates_of_earlier_versions() -> None:
    assert isinstance(GRPO.optimizer, SgdSection)
    parameter = torch.nn.Linear(1, 1)
    optimizer, schedule = trainer.optimisation(parameter, GRPO, 4)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.05])


def test_a_step_in_parts_is_the_step_in_one(parent: Path, tmp_path: Path) -> None:
    """Gradient accumulation weighs tokens, not parts: rows of unequal length count as they do in one batch."""
    section = msgspec.structs.replace(
        SFT, optimizer=SgdSection(learning_rate=0.1), schedule=ConstantSection(), steps=2, batch_size=8
    )
    ends = []
    for micro_batch in (None, 4, 1):
        folder = tmp_path / str(micro_batch)
        sft.train(ROWS, msgspec.structs.replace(section, micro_batch=micro_batch), job(parent, folder, dtype="float32"))
        ends.append(result(folder / "out"))
    assert not torch.equal(ends[0], result(parent))
    assert all(torch.allclose(ends[0], end, atol=1e-6) for end in ends[1:])


@pytest.mark.parametrize("method", [FullSection(), LoraSection(rank=4)])
def test_gradient_checkpointing_changes_no_number(method: MethodSection, parent: Path, tmp_path: Path) -> None:
    section = msgspec.structs.replace(SFT, method=method, optimizer=AdamWSection(learning_rate=0.01), steps=3)
    ends = []
    for switch in (False, True):
        folder = tmp_path / str(switch)
        changed = msgspec.structs.replace(section, gradient_checkpointing=switch)
        sft.train(ROWS, changed, job(parent, folder, dtype="float32"))
        ends.append(result(folder / "out"))
    assert torch.allclose(*ends, atol=1e-6)


def test_epochs_are_a_length_too(parent: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    section = msgspec.structs.replace(SFT, steps=None, epochs=1.5, log_steps=1)
    assert sft.length(ROWS, section, 1) == 5, "one and a half times three batches of four"
    sft.train(ROWS, section, job(parent, tmp_path, lambda step, _: steps.append(step)))
    assert steps == [1, 2, 3, 4, 5]
    assert grpo.length(12, msgspec.structs.replace(GRPO, steps=None, epochs=2.0)) == 12, "two prompts per step"
    base = msgspec.structs.replace(profile().base, steps=None, epochs=2.0)
    assert pretrain.length(ROWS, base, 1) == 2 * pretrain.length(ROWS, msgspec.structs.replace(base, epochs=1.0), 1)


@pytest.mark.parametrize(
    ("device", "dtype", "tf32"), [("cuda", "bfloat16", True), ("cuda", "float32", None), ("cpu", "bfloat16", None)]
)
def test_what_stays_in_fp32_beside_bf16_is_multiplied_in_tf32(
    device: str, dtype: str, tf32: bool | None, tmp_path: Path
) -> None:
    given = dataclasses.replace(job(tmp_path, tmp_path), compute=Compute(device, dtype, "sdpa"))
    assert trainer.shared_arguments(SFT, given, 3)["tf32"] is tf32


@pytest.mark.parametrize("count", [1, 2, 8])
def test_a_process_takes_one_gpu_however_many_it_sees(
    count: int, parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More would make the trainer multiply each batch by their number."""
    monkeypatch.setattr(sft.SFTConfig, "n_gpu", property(lambda self: getattr(self, "_n_gpu", count) or count))
    made = sft.arguments(SFT, job(parent, tmp_path), 3)
    assert made.n_gpu == 1
    assert made.train_batch_size == SFT.batch_size
    monkeypatch.setattr(grpo.GRPOConfig, "n_gpu", property(lambda self: getattr(self, "_n_gpu", count) or count))
    assert grpo.arguments(GRPO, job(parent, tmp_path), 3).n_gpu == 1
