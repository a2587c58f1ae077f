"""Optimizers as the profile names them, by default on fp32 masters of bf16 weights.

The masters keep updates that bf16 would round away, while forward and backward run in bf16. Muon orthogonalises the
momentum of each hidden weight matrix (Jordan et al., 2024); for the model that the tiny profile trains from scratch it
reaches in some hundred steps what AdamW alone does not.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import SGD, AdamW, Muon, Optimizer

from rustml.profile.optimizer import AdamW8bitSection, AdamWSection, MuonSection, OptimizerSection, SgdSection
from rustml.training import sharding

Masters = Mapping[str, torch.Tensor]
"""The tensors that optimizers update, by the names of the weights."""


class MasterWeights(Optimizer):
    """Optimizers over fp32 copies of a model's trainable weights; its parameter groups are theirs.

    `inner` takes the copies by name and returns the optimizers that update them. A weight that is fp32 already is its
    own master, and without `masters` each weight is.
    """

    def __init__(
        self, model: nn.Module, inner: Callable[[Masters], Sequence[Optimizer]], *, masters: bool = True
    ) -> None:
        trainable = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
        copies = {name: _master(weight) if masters else weight for name, weight in trainable.items()}
        self._pairs = [(weight, copies[name]) for name, weight in trainable.items()]
        self._inner = list(inner(copies))
        super().__init__(list(trainable.values()), {})
        self.param_groups = [group for optimizer in self._inner for group in optimizer.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update the masters, copy them into the model's weights, and free the masters' gradients."""
        if closure is not None:
            raise ValueError("MasterWeights takes no closure")
        copied = [(weight, master) for weight, master in self._pairs if master is not weight]
        for weight, master in copied:
            master.grad = None if weight.grad is None else weight.grad.float()
        for inner in self._inner:
            inner.step()
        for weight, master in copied:
            master.grad = None
            weight.copy_(master)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of the model's weights."""
        for weight, _ in self._pairs:
            if set_to_none or weight.grad is None:
                weight.grad = None
            else:
                weight.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Masters, and the states of the inner optimizers."""
        masters = [master.detach() for _, master in self._pairs]
        return {"masters": masters, "inner": [optimizer.state_dict() for optimizer in self._inner]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned, the model's weights included."""
        with torch.no_grad():
            for (weight, master), saved in zip(self._pairs, state_dict["masters"], strict=True):
                part = sharding.like(saved, master)
                master.copy_(part)
                weight.copy_(part)
        for inner, saved in zip(self._inner, state_dict["inner"], strict=True):
            inner.load_state_dict({**saved, "state": _state_like(saved, inner)})
        self.param_groups = [group for inner in self._inner for group in inner.param_groups]


def _state_like(saved: Mapping[str, Any], optimizer: Optimizer) -> dict[int, dict[str, Any]]:
    """The saved state of each weight, cut as the weight itself is where processes share it."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    numbers = [number for group in saved["param_groups"] for number in group["params"]]
    by_number = dict(zip(numbers, weights, strict=True))
    return {
        number: {
            name: sharding.like(value, by_number[number]) if isinstance(value, torch.Tensor) else value
            for name, value in state.items()
        }
        for number, state in saved["state"].items()
    }


def _master(weight: nn.Parameter) -> torch.Tensor:
    return weight if weight.dtype == torch.float32 else weight.detach().float().clone()


def build(model: nn.Module, section: OptimizerSection) -> MasterWeights:
    """The optimizer that a profile names, over the trainable weights of `model`, which lies on its device already.

    `check_machine` says whether this machine can run it.
    """
    match section:
        case AdamWSection():
            return MasterWeights(model, lambda masters: [_adamw(masters, section)], masters=section.masters)
        case MuonSection():
            return MasterWeights(model, lambda masters: _muon(masters, section), masters=section.masters)
        case SgdSection():
            return MasterWeights(model, lambda masters: [_sgd(masters, section)], masters=section.masters)
        case AdamW8bitSection():
            return MasterWeights(model, lambda masters: [_adamw8bit(masters, section)], masters=section.masters)


def _adamw(masters: Masters, section: AdamWSection) -> Optimizer:
    weights = masters.values()
    return AdamW(
        weights, lr=section.learning_rate, betas=section.betas, weight_decay=section.weight_decay, foreach=True
    )


def _sgd(masters: Masters, section: SgdSection) -> Optimizer:
    return SGD(
        masters.values(),
        lr=section.learning_rate,
        momentum=section.momentum,
        weight_decay=section.weight_decay,
        foreach=True,
    )


def _muon(masters: Masters, section: MuonSection) -> Sequence[Optimizer]:
    """Muon on hidden matrices, AdamW on the rest; neither where it would have nothing to update."""
    hidden = {name: master for name, master in masters.items() if is_hidden(name, master.ndim)}
    rest = [master for name, master in masters.items() if name not in hidden]
    optimizers: list[Optimizer] = []
    if hidden:
        rate, decay = section.learning_rate, section.weight_decay
        optimizers.append(Muon(hidden.values(), lr=rate, weight_decay=decay, momentum=section.momentum))
    if rest:
        rate = section.adamw_learning_rate
        optimizers.append(AdamW(rest, lr=rate, betas=section.betas, weight_decay=0.0, foreach=True))
    return optimizers


def is_hidden(name: str, dimensions: int) -> bool:
    """Whether Muon updates a weight: a matrix, and neither an embedding nor the head."""
    return dimensions == 2 and "embed" not in name and "head" not in name


def _adamw8bit(masters: Masters, section: AdamW8bitSection) -> Optimizer:
    from bitsandbytes import optim  # noqa: PLC0415  seconds to load, and an optional dependency

    kind = optim.PagedAdamW8bit if section.paged else optim.AdamW8bit
    optimizer: Optimizer = kind(
        list(masters.values()), lr=section.learning_rate, betas=section.betas, weight_decay=section.weight_decay
    )
    return optimizer
