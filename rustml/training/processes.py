"""The processes of one training, as its code sees them: one of them alone, or several that agree."""

from datetime import timedelta

import torch
from torch import distributed

TIMEOUT = timedelta(hours=2)
"""How long a process waits for the others: validation and saves of large models take long on one of them."""


def world() -> int:
    """How many processes train together; 1 where this one trains alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """The number of this process, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def writes() -> bool:
    """Whether this process writes what all of them share: it is the first one."""
    return rank() == 0


def barrier() -> None:
    """Wait until every process is here."""
    if world() > 1:
        distributed.barrier()


def agreed(flag: bool) -> bool:
    """Whether `flag` is true in any process; every process has to ask."""
    if world() == 1:
        return flag
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    votes = torch.tensor(float(flag), device=device)
    distributed.all_reduce(votes)
    return bool(votes > 0)


def shared(value: object) -> object:
    """The first process's `value`, in every process."""
    if world() == 1:
        return value
    values = [value]
    distributed.broadcast_object_list(values)
    return values[0]
