"""FSDP2: weights cut into parts over the processes, made whole to be saved, and cut again when they are read.

What is written therefore does not depend on how many processes wrote it, and any number can read it. To make a tensor
whole every process has to take part; only the first one keeps it, in the memory of the host.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from rustml.training import processes


def shard(model: nn.Module, device: str) -> None:
    """Cut the weights of a transformers model into parts, layer by layer, and move the parts to `device`.

    A layer's weights are whole while it computes. Gradients are summed over the processes in fp32.
    """
    mesh = init_device_mesh(device, (processes.world(),))
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32)
    whole_model: Any = model
    inner = whole_model.get_base_model() if hasattr(whole_model, "peft_config") else whole_model
    for module in list(inner.modules()):
        if type(module).__name__ in inner._no_split_modules:
            fully_shard(module, mesh=mesh, mp_policy=policy, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)


def is_sharded(model: nn.Module) -> bool:
    """Whether the weights of `model` are cut into parts."""
    return any(isinstance(weight, DTensor) for weight in model.parameters())


@contextmanager
def unsharded(model: nn.Module) -> Iterator[None]:
    """Within it each process holds all weights: forward passes exchange nothing, so that processes may take different
    numbers of them. Nothing is changed where the weights are not cut."""
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            part.set_reshard_after_forward(True, recurse=False)


def whole(tree: Any) -> Any:
    """`tree` of mappings and lists with whole tensors in the place of parts; in other processes than the first, None
    in their place."""
    if isinstance(tree, DTensor):
        full = tree.full_tensor()
        return full.cpu() if processes.writes() else None
    if isinstance(tree, Mapping):
        return {name: whole(value) for name, value in tree.items()}
    if isinstance(tree, list | tuple):
        return type(tree)(whole(value) for value in tree)
    return tree


def whole_state(model: nn.Module) -> dict[str, torch.Tensor] | None:
    """The weights of a sharded model by name, whole, of adapters only those that train; None where nothing is sharded.

    Tied weights are one tensor, as in the model.
    """
    if not is_sharded(model):
        return None
    weights = dict(model.named_parameters(remove_duplicate=False))
    adapted = hasattr(model, "peft_config")
    state: dict[str, torch.Tensor] = {}
    gathered: dict[int, torch.Tensor] = {}
    for name, value in model.state_dict().items():
        weight = weights.get(name, value)
        if adapted and not weight.requires_grad:
            continue
        if id(weight) not in gathered:
            gathered[id(weight)] = whole(value)
        state[name] = gathered[id(weight)]
    return state


def like(saved: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """A whole tensor that was saved, cut as `weight` is; as it is where `weight` is whole or `saved` is cut already."""
    if not isinstance(weight, DTensor) or isinstance(saved, DTensor) or saved.shape != weight.shape:
        return saved
    # Every process has read the same file: each takes its own part, and nothing is sent.
    return distribute_tensor(saved.to(weight.device), weight.device_mesh, weight.placements, src_data_rank=None)
