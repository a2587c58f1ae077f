"""Optimizers on fp32 masters: small updates survive, and a saved state goes on where it stopped."""

import copy
from typing import Any

import msgspec
import pytest
import torch
from torch import nn

from rustml.profile.optimizer import (
    MuonSection,
    OptimizerSection,
    PagedAdamW8bitSection,
    SgdSection,
    WarmupStableDecaySection,
)
from rustml.training.optim import MasterWeights, build
from rustml.training.schedules import schedule
from tests.support.sections import OPTIMIZERS


class Toy(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embed_tokens = nn.Embedding(7, 4)
        self.hidden = nn.Linear(4, 4, bias=True)
        self.lm_head = nn.Linear(4, 7, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.lm_head(torch.relu(self.hidden(self.embed_tokens(ids))))


def made(**changes: float) -> tuple[Toy, MasterWeights]:
    model = Toy().to(torch.bfloat16)
    return model, build(model, MuonSection(**{"learning_rate": 0.02, "adamw_learning_rate": 0.01, **changes}))


def backward(model: Toy, seed: int) -> None:
    torch.manual_seed(seed)
    ids, wanted = torch.randint(7, (8,)), torch.randint(7, (8,))
    nn.functional.cross_entropy(model(ids).float(), wanted).backward()


def weights(model: Toy) -> list[torch.Tensor]:
    return [parameter.detach().clone() for parameter in model.parameters()]


def test_muon_takes_hidden_matrices_and_adamw_the_rest() -> None:
    _, optimizer = made()
    muon, adamw = optimizer.param_groups
    assert [tuple(p.shape) for p in muon["params"]] == [(4, 4)]
    assert sorted(tuple(p.shape) for p in adamw["params"]) == [(4,), (7, 4), (7, 4)]
    assert (muon["lr"], adamw["lr"]) == (0.02, 0.01)


def test_masters_keep_what_bf16_would_round_away() -> None:
    """A hundred updates far below bf16's resolution add up, and plain bf16 would not move at all."""
    model, optimizer = made(adamw_learning_rate=1e-4, learning_rate=1e-4)
    before = weights(model)
    moved_at_once = False
    for step in range(100):
        for parameter in model.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()
        if step == 0:
            moved_at_once = any(not torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))
            first = [torch.equal(a, b) for a, b in zip(before, weights(model), strict=True)]
    large = [i for i, same in enumerate(first) if same]
    assert large, f"one step is below the resolution of some weights ({moved_at_once})"
    after = weights(model)
    for i in large:
        assert not torch.equal(before[i], after[i]), "a hundred steps are not"
    masters = optimizer.state_dict()["masters"]
    assert all(master.dtype == torch.float32 for master in masters)
    assert all(torch.equal(p.float(), m.bfloat16().float()) for p, m in zip(after, masters, strict=True))


def test_a_parameter_without_a_gradient_stays() -> None:
    model, optimizer = made()
    before = weights(model)
    model.hidden.weight.grad = torch.ones_like(model.hidden.weight)
    optimizer.step()
    changed = [not torch.equal(a, b) for a, b in zip(before, weights(model), strict=True)]
    assert changed == [name == "hidden.weight" for name, _ in model.named_parameters()]


def test_fp32_gradients_are_freed_after_a_step() -> None:
    model, optimizer = made()
    backward(model, 0)
    optimizer.step()
    assert all(master.grad is None for master in optimizer.state_dict()["masters"])


@pytest.mark.parametrize("to_none", [True, False])
def test_gradients_are_cleared(to_none: bool) -> None:
    model, optimizer = made()
    backward(model, 0)
    optimizer.zero_grad(set_to_none=to_none)
    before = weights(model)
    for parameter in model.parameters():
        assert parameter.grad is None if to_none else not parameter.grad.any()
    optimizer.step()
    if to_none:
        assert all(torch.equal(a, b) for a, b in zip(before, weights(model), strict=True))


def test_a_restored_optimizer_goes_on_as_if_nothing_had_happened() -> None:
    model, optimizer = made(weight_decay=0.1)
    for seed in range(3):
        backward(model, seed)
        optimizer.step()
        optimizer.zero_grad()
    saved: dict[str, Any] = copy.deepcopy(optimizer.state_dict())
    other, restored = made(weight_decay=0.1)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    restored.load_state_dict(saved)
    for seed in range(3, 6):
        for each, step in ((model, optimizer), (other, restored)):
            backward(each, seed)
            step.step()
            step.zero_grad()
    assert all(torch.equal(a, b) for a, b in zip(weights(model), weights(other), strict=True))
    assert saved["masters"][0] is not optimizer.state_dict()["masters"][0]


def test_a_schedule_moves_both_rates_after_a_restoration_too() -> None:
    model, optimizer = made()
    rates = schedule(optimizer, WarmupStableDecaySection(warmup_steps=2, decay_share=0.5), 10)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.005]
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    backward(model, 0)
    optimizer.step()
    rates.step()
    assert [group["lr"] for group in optimizer.param_groups] == [0.02, 0.01]
    assert [group["lr"] for inner in optimizer._inner for group in inner.param_groups] == [0.02, 0.01]


def test_a_closure_is_refused() -> None:
    _, optimizer = made()
    with pytest.raises(ValueError, match="closure"):
        optimizer.step(lambda: 0.0)


KINDS: list[OptimizerSection] = [
    *[OPTIMIZERS[kind] for kind in ("adamw", "adamw8bit", "muon")],
    SgdSection(learning_rate=0.5, momentum=0.5),
]


def large(dtype: torch.dtype) -> nn.Linear:
    """Large enough for 8-bit moments, which bitsandbytes keeps from 4,096 weights on."""
    torch.manual_seed(1)
    return nn.Linear(64, 128, bias=False).to(dtype)


@pytest.mark.parametrize("section", KINDS)
@pytest.mark.parametrize("masters", [True, False])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_every_kind_lowers_a_loss_with_and_without_masters(
    section: OptimizerSection, masters: bool, dtype: torch.dtype
) -> None:
    model = large(dtype)
    optimizer = build(model, msgspec.structs.replace(section, masters=masters))
    inputs = torch.randn(32, 64, dtype=dtype)
    losses = []
    for _ in range(20):
        loss = model(inputs).float().square().mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    kept = {state.dtype for state in optimizer.state_dict()["masters"]}
    assert kept == {torch.float32 if masters else dtype}


def test_fp32_weights_have_no_copies() -> None:
    model = large(torch.float32)
    optimizer = build(model, OPTIMIZERS["adamw"])
    assert optimizer.state_dict()["masters"][0].data_ptr() == model.weight.data_ptr()


def test_eight_bit_moments_are_eight_bit() -> None:
    model = large(torch.float32)
    optimizer = build(model, OPTIMIZERS["adamw8bit"])
    model(torch.randn(4, 64)).sum().backward()
    optimizer.step()
    state = optimizer._inner[0].state[model.weight]
    assert {state["state1"].dtype, state["state2"].dtype} == {torch.uint8}


def test_paged_moments_are_those_of_bitsandbytes() -> None:
    section = PagedAdamW8bitSection(learning_rate=0.03, betas=(0.8, 0.9), weight_decay=0.1)
    (inner,) = build(large(torch.bfloat16), section)._inner
    assert type(inner).__name__ == "PagedAdamW8bit"
    assert inner.is_paged
    (group,) = inner.param_groups
    assert (group["lr"], group["betas"], group["weight_decay"]) == (0.03, (0.8, 0.9), 0.1)
    assert [weight.dtype for weight in group["params"]] == [torch.float32], "the masters"


@pytest.mark.gpu
def test_paged_moments_step_on_a_gpu() -> None:
    model = large(torch.float32).cuda()
    before = model.weight.detach().clone()
    optimizer = build(model, OPTIMIZERS["paged_adamw8bit"])
    model(torch.randn(4, 64, device="cuda")).sum().backward()
    optimizer.step()
    assert not torch.equal(model.weight, before)
