"""Optimizers on fp32 masters of bf16 weights: Muon for the matrices and AdamW for the rest, or one for all.

Muon orthogonalises the momentum of each hidden weight matrix (Jordan et al., 2024); at this scale and budget it reaches
in some hundred steps what AdamW alone does not. The masters keep updates that bf16 would round away, while forward and
backward run in bf16, which is twice as fast as fp32 on a CPU with AVX-512 BF16.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import AdamW, Muon, Optimizer
from torch.optim.lr_scheduler import LambdaLR

Masters = Mapping[str, torch.Tensor]


class MasterWeights(Optimizer):
    """Optimizers over fp32 copies of a model's weights; its parameter groups are theirs, so schedulers just work.

    `inner` gets the copies by name and returns the optimizers that share them out among themselves.
    """

    def __init__(self, model: nn.Module, inner: Callable[[Masters], list[Optimizer]]) -> None:
        named = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
        self._pairs = [(parameter, parameter.detach().float().clone()) for _, parameter in named]
        self._inner = inner(dict(zip((name for name, _ in named), (master for _, master in self._pairs), strict=True)))
        super().__init__([parameter for parameter, _ in self._pairs], {})
        self.param_groups = [group for optimizer in self._inner for group in optimizer.param_groups]

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """Update the masters in fp32 and copy them into the model's weights."""
        if closure is not None:
            raise ValueError("MasterWeights takes no closure")
        for parameter, master in self._pairs:
            master.grad = None if parameter.grad is None else parameter.grad.float()
        for inner in self._inner:
            inner.step()
        for parameter, master in self._pairs:
            master.grad = None
            parameter.copy_(master)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Clear the gradients of the model's weights."""
        for parameter, _ in self._pairs:
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.zero_()

    def state_dict(self) -> dict[str, Any]:
        """Masters and the state of both inner optimizers."""
        return {"masters": [master for _, master in self._pairs], "inner": [o.state_dict() for o in self._inner]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        with torch.no_grad():
            for (parameter, master), saved in zip(self._pairs, state_dict["masters"], strict=True):
                master.copy_(saved)
                parameter.copy_(saved)
        for inner, saved in zip(self._inner, state_dict["inner"], strict=True):
            inner.load_state_dict(saved)
        self.param_groups = [group for inner in self._inner for group in inner.param_groups]


class MuonAdamW(MasterWeights):
    """Muon for the hidden matrices, AdamW for embeddings, head and vectors."""

    def __init__(self, model: nn.Module, *, muon_lr: float, adamw_lr: float, weight_decay: float) -> None:
        def inner(masters: Masters) -> list[Optimizer]:
            hidden = {n: m for n, m in masters.items() if m.ndim == 2 and "embed" not in n and "head" not in n}
            rest = [master for name, master in masters.items() if name not in hidden]
            return [
                Muon(hidden.values(), lr=muon_lr, weight_decay=weight_decay, momentum=0.95),
                AdamW(rest, lr=adamw_lr, betas=(0.9, 0.95), weight_decay=0.0, foreach=True),
            ]

        super().__init__(model, inner)


def warmup_stable_decay(optimizer: Optimizer, steps: int, *, warmup: int, decay: float) -> LambdaLR:
    """Linear warm-up over `warmup` steps, constant, then linear to zero over the last `decay` share of `steps`."""
    start = steps * (1 - decay)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / warmup
        return 1.0 if step < start else max(0.0, (steps - step) / max(steps - start, 1))

    return LambdaLR(optimizer, factor)
